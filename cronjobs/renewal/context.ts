/** A sweep's collaborators, what it has read, and its state. */
import type { Deadline } from '../../shared/deadline.ts';
import type { Claims } from '../../shared/grants/claims.ts';
import type { Notices } from '../../shared/kubernetes/notices.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import type { PodSecrets } from '../../shared/kubernetes/secrets.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Leases } from '../../shared/vault/leases.ts';
import type { Ledger, LedgerNames } from '../../shared/vault/ledger.ts';
import type { Renewals } from '../../shared/vault/renewals.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import type { Slots } from '../../shared/vault/slots.ts';
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
  /** The cluster's name in the configuration; absent: its uid is used. */
  readonly clusterId: string | undefined;
  readonly shard: number;
  readonly shards: number;
}

export interface SweepDependencies {
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly renewals: Renewals;
  /** Set if `maxGrantsPerRole` is on. */
  readonly slots: Slots | undefined;
  readonly revocation: Revocation;
  readonly sweeps: SweepMemory;
  readonly pods: Pods;
  readonly notices: Notices;
  readonly secrets: Pick<PodSecrets, 'setOwner'>;
  readonly readClusterUid: (deadline: Deadline) => Promise<string>;
  readonly requestsSent: () => number;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Vault's clock: the only one that ages of records, leases and tokens are measured by. */
  readonly time: Pick<VaultTime, 'now' | 'skewMs'>;
  readonly random: () => number;
  readonly options: SweepOptions;
}

/** Everything that a sweep reads before it acts. A list is `undefined` if it could not be read in full. */
export interface Found {
  /** State of each grant of this shard; becomes the next sweep's memory. */
  readonly index: Map<string, GrantState>;
  readonly names: LedgerNames | undefined;
  readonly livePods: readonly LivePod[] | undefined;
  /** The live pods that name a uuid. */
  readonly claims: Claims;
  /**
   * `undefined` if the cluster could not be identified: then no record counts as another cluster's, and nothing is
   * revoked.
   */
  readonly clusterId: string | undefined;
  /**
   * Whether ownership of grants is unclear: another cluster sweeps under our prefix, or the cluster could not be
   * identified.
   */
  readonly contested: boolean;
}

/** A running sweep. */
export interface Sweep extends SweepDependencies, Found {
  readonly work: Work;
  readonly report: SweepReport;
  /** Vault's time, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly attempt: Attempt;
  readonly forEach: ForEach;
  /** Whether records that name no cluster are ours; if that is unknown, they are not. */
  readonly ownsUnnamed: () => Promise<boolean>;
  readonly leaseEnd: LeaseEnd;
  /** Grants that this sweep has fully renewed. */
  readonly renewed: Set<string>;
  /** Live pods' grants that Vault no longer knows. */
  readonly lost: Set<string>;
  /** Live pods' grants whose records are gone from the ledger: renewed by the sweep's memory. */
  readonly recordsLost: Set<string>;
}
