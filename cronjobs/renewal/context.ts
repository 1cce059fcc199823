/** What a sweep works with, what it has found, and the run that it is. */
import type { Deadline } from '../../shared/deadline.ts';
import type { Notices } from '../../shared/kubernetes/notices.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import type { PodSecrets } from '../../shared/kubernetes/secrets.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Held } from '../../shared/vault/held.ts';
import type { Leases } from '../../shared/vault/leases.ts';
import type { Ledger, LedgerNames } from '../../shared/vault/ledger.ts';
import type { Renewals } from '../../shared/vault/renewals.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import type { GrantState, SweepMemory } from '../../shared/vault/sweep-memory.ts';
import type { VaultTime } from '../../shared/vault/time.ts';
import type { Attempt } from './attempt.ts';
import type { ForEach } from './for-each.ts';
import type { LeaseEnd } from './lease-end.ts';
import type { SweepReport } from './report.ts';

interface SweepOptions {
  readonly injectorLabel: string;
  readonly syncIntervalSeconds: number;
  readonly gracePeriodSeconds: number;
  readonly maxRevokeFraction: number;
  readonly onMaxTtl: 'report' | 'evict';
  readonly onLost: 'report' | 'evict';
  /** The cluster's name in the configuration; absent, its uid tells it. */
  readonly clusterId: string | undefined;
  readonly shard: number;
  readonly shards: number;
}

export interface SweepParts {
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly renewals: Renewals;
  /** Where `maxGrantsPerRole` is on. */
  readonly held: Held | undefined;
  readonly revocation: Revocation;
  readonly sweeps: SweepMemory;
  readonly pods: Pods;
  readonly notices: Notices;
  readonly secrets: Pick<PodSecrets, 'setOwner'>;
  readonly readClusterUid: (deadline: Deadline) => Promise<string>;
  readonly requestsSent: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Vault's clock: ages of records, leases and tokens are measured by it alone. */
  readonly time: Pick<VaultTime, 'now' | 'skewMs'>;
  readonly random: () => number;
  readonly options: SweepOptions;
}

/** What a sweep has read before it does anything. A list is `undefined` where it could not be read in full. */
export interface Found {
  /** What is known of each grant of this share; becomes the next sweep's memory. */
  readonly index: Map<string, GrantState>;
  readonly names: LedgerNames | undefined;
  readonly livePods: readonly LivePod[] | undefined;
  /** Which live pods name a uuid. */
  readonly claims: ReadonlyMap<string, readonly LivePod[]>;
  /** `undefined` where the cluster could not be told: no record is another cluster's then, and nothing is revoked. */
  readonly clusterId: string | undefined;
  /** Whether nobody can tell whose grants are whose: another cluster sweeps under our prefix, or none could be told. */
  readonly contested: boolean;
}

/** One sweep under way. */
export interface Sweep extends SweepParts, Found {
  readonly work: Work;
  readonly report: SweepReport;
  /** By Vault's clock, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly attempt: Attempt;
  readonly forEach: ForEach;
  /** Whether records that name no cluster are ours; where nobody can say, they are not. */
  readonly ownsUnnamed: () => Promise<boolean>;
  readonly leaseEnd: LeaseEnd;
  /** Grants of which this sweep renewed all that was due. */
  readonly renewed: Set<string>;
  /** Grants of live pods that Vault does not know any more. */
  readonly lost: Set<string>;
  /** Grants of live pods whose records are gone from the ledger: kept by the sweep's memory. */
  readonly recordsLost: Set<string>;
}
