/**
 * One sweep: the ledger is listed, then the pods; what is due is renewed, orphaned grants are revoked, what went wrong
 * elsewhere is reported. It may be killed anywhere: the next one carries on.
 */
import pLimit from 'p-limit';
import { validate } from 'uuid';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { Notices } from '../../shared/kubernetes/notices.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import type { PodSecrets } from '../../shared/kubernetes/secrets.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Held } from '../../shared/vault/held.ts';
import { type Ledger, UnreadableRecord } from '../../shared/vault/ledger.ts';
import type { Renewals } from '../../shared/vault/renewals.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import { type GrantState, rivalOf, type SweepMemory } from '../../shared/vault/sweep-memory.ts';
import { cleanUp } from './clean-up.ts';
import { healPlaces } from './heal-places.ts';
import { keepAlive, lifeOf } from './keep-alive.ts';
import { createLeaseEnd, type LeaseEnd } from './lease-end.ts';
import { observeGrants } from './observe-grants.ts';
import { reportPods } from './pods-in-need.ts';
import { newReport, type SweepReport } from './report.ts';
import { shardOf } from './shard.ts';
import { once, ownsUnnamed } from './unnamed.ts';

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
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: () => number;
  readonly options: SweepOptions;
}

/** What one sweep works on. */
export interface Sweep extends SweepParts {
  readonly work: Work;
  readonly report: SweepReport;
  readonly startedAt: number;
  /** `undefined` while nobody could say: no record is another cluster's then, and nothing is revoked. */
  readonly clusterId: string | undefined;
  /** Whether another cluster sweeps under our prefix, and would take our grants for its own. */
  readonly contested: boolean;
  /** Whether records that name no cluster are ours; where nobody can say, they are not. */
  readonly ownsUnnamed: () => Promise<boolean>;
  /** What is known of each grant of this share; becomes the next sweep's. */
  readonly index: Map<string, GrantState>;
  /** Which live pods name a uuid. */
  readonly claims: ReadonlyMap<string, readonly LivePod[]>;
  readonly leaseEnd: LeaseEnd;
  /** Grants of live pods that Vault does not know any more. */
  readonly lost: Set<string>;
  /**
   * Runs tasks a few at a time, none after the deadline; a failure is counted and logged, and stops nobody else.
   *
   * @param name what the log calls the item by.
   */
  readonly forEach: <T>(
    items: Iterable<T>,
    task: (item: T) => Promise<void>,
    name: (item: T) => Parameters<Logger['error']>[2],
  ) => Promise<void>;
}

const CONCURRENCY = 16;
// An API server that does not answer leaves the other half for the renewals, which need none.
const SHARE_FOR_KUBERNETES = 0.5;
// What is renewed must also be remembered, or the next sweep begins where this one did.
const SHARE_FOR_WORK = 0.9;
const REMEMBER_WITHIN_MS = 10_000;

export async function sweep(parts: SweepParts, deadline: Deadline): Promise<SweepReport> {
  const { options, log, metrics, sweeps } = parts;
  const startedAt = parts.now();
  const report = newReport();
  const working = deadlineIn(deadline.remainingMs() * SHARE_FOR_WORK, monotonicClock, deadline.signal);
  const work = { deadline: working, vaultCalls: 0 };
  const attempt = createAttempt(report, log);
  const forKubernetes = deadlineIn(
    deadline.remainingMs() * SHARE_FOR_KUBERNETES,
    monotonicClock,
    deadline.signal,
  );

  const index =
    (await attempt('its memory could not be read', sweeps.readIndex(options.shard, options.shards, work))) ??
    new Map();
  const identity = await attempt(
    'the cluster could not be told',
    identify(parts, report, work, forKubernetes),
  );
  // In this order: a pod admitted in between is in the second list, or too young to matter.
  const listed = await attempt('the ledger could not be listed', parts.ledger.list(work));
  const pods = await attempt(
    'the pods could not be listed',
    parts.pods.listLive(options.injectorLabel, forKubernetes),
  );
  forKubernetes.release();
  metrics.count(pods ? 'fetch_pods_success_count' : 'fetch_pods_error_count', {});

  const state: Sweep = {
    ...parts,
    work,
    report,
    startedAt,
    clusterId: identity?.clusterId,
    contested: identity?.contested ?? false,
    ownsUnnamed: once(async () => {
      const { clusterId } = options;
      if (clusterId === undefined) return identity?.contested === false;
      const found = ownsUnnamed({ ...parts, clusterId }, work);
      return (await attempt('whose records without a cluster are could not be told', found)) ?? false;
    }),
    index: ownShare(index, options),
    claims: claimsOf(pods ?? []),
    leaseEnd: createLeaseEnd(),
    lost: new Set(),
    forEach: createForEach(working, attempt),
  };
  const uuids = listed ?? [...state.claims.keys()];
  const own = uuids.filter((uuid) => shardOf(uuid, options.shards) === options.shard);
  // Without the pods nobody knows which grants are in use: all of them are kept alive.
  const [inUse, unclaimed] = pods ? divide(own, (uuid) => state.claims.has(uuid)) : [own, []];
  const claimedByOthers = await keepAlive(byExpiry(inUse, state), state, pods !== undefined);
  const complete = pods !== undefined && listed !== undefined && identity?.contested === false;
  if (complete) {
    await cleanUp([...unclaimed, ...claimedByOthers], uuids, state);
    await reportPods(pods, new Set(uuids), state);
    await attempt('the places of grants could not be healed', healPlaces(new Set(uuids), state));
    forget(state, new Set(own));
  } else {
    // Not revoked, so not given up either: whose they are has to be found out first.
    await keepAlive(unclaimed, state, false);
  }
  observeGrants(state);
  working.release();
  const closing = deadlineIn(REMEMBER_WITHIN_MS, monotonicClock);
  const last = { deadline: closing, vaultCalls: 0 };
  if (differs(state.index, index)) {
    await attempt(
      'its memory could not be written',
      sweeps.writeIndex(options.shard, options.shards, state.index, last),
    );
  }
  if (complete && report.failed === 0 && !report.braked)
    await attempt('its success could not be noted', remember(state, last));
  closing.release();
  report.vaultRequests = parts.requestsSent();
  report.durationMs = parts.now() - startedAt;
  return report;
}

/** A step that may fail without ending the sweep: what it gave, or `undefined` once the failure is counted and told. */
function createAttempt(report: SweepReport, log: Logger) {
  return async <T>(
    what: string,
    step: Promise<T>,
    names?: Parameters<Logger['error']>[2],
  ): Promise<T | undefined> => {
    try {
      return await step;
    } catch (error) {
      // A record that is none says nothing of all the others: it does not make the sweep an unsuccessful one.
      if (error instanceof UnreadableRecord) report.unreadable += 1;
      else report.failed += 1;
      log.error(what, error, names);
      return undefined;
    }
  };
}

function createForEach(deadline: Deadline, attempt: ReturnType<typeof createAttempt>): Sweep['forEach'] {
  return async (items, task, name) => {
    const limit = pLimit(CONCURRENCY);
    const run = async <T>(item: T, work: (item: T) => Promise<void>) => {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      await work(item);
    };
    await Promise.all(
      Array.from(items, (item) =>
        limit(() => attempt('a grant could not be seen to', run(item, task), name(item))),
      ),
    );
  };
}

interface Identity {
  readonly clusterId: string;
  /** Whether another cluster's memory stands under our prefix. */
  readonly contested: boolean;
}

/**
 * The cluster's name. Another cluster's memory under our prefix means that one of the two is configured wrongly, or
 * that the cluster was built anew: nothing is revoked until somebody says that it is right (`maxRevokeFraction: 1`). The
 * other one is told, since it cannot tell our pods' grants from orphans of its own either.
 */
async function identify(
  { options, sweeps, readClusterUid, log, now }: SweepParts,
  report: SweepReport,
  work: Work,
  forKubernetes: Deadline,
): Promise<Identity> {
  if (options.clusterId !== undefined) return { clusterId: options.clusterId, contested: false };
  const clusterId = await readClusterUid(forKubernetes);
  const last = await sweeps.readLast(options.shard, work);
  const rival = options.maxRevokeFraction < 1 ? rivalOf(last, clusterId, now()) : undefined;
  if (rival === undefined) return { clusterId, contested: false };
  report.failed += 1;
  log.warn(
    `nothing is revoked: another cluster (${rival}) sweeps under this vaultSecretPrefix; give each its own, or a clusterId`,
  );
  if (last && last.clusterId !== clusterId)
    await sweeps.writeLast(options.shard, { ...last, rival: { clusterId, seenAt: now() } }, work);
  return { clusterId, contested: true };
}

async function remember(
  { sweeps, options, index, startedAt, clusterId = '', claims }: Sweep,
  work: Work,
): Promise<void> {
  const lives = [...index]
    .filter(([uuid, state]) => claims.has(uuid) && lifeOf(state) > 0 && state.endsAt === 0)
    .map(([, state]) => lifeOf(state));
  const shortestLeaseSeconds = lives.reduce((shortest, life) => Math.min(shortest, life), lives[0] ?? 0);
  await sweeps.writeLast(
    options.shard,
    { succeededAt: startedAt, shortestLeaseSeconds, clusterId, shards: options.shards },
    work,
  );
}

/** Those first that end first; what is not known yet may be anything. */
function byExpiry(uuids: readonly string[], { index }: Sweep): string[] {
  const expiry = (uuid: string) => {
    const state = index.get(uuid);
    return state ? state.leaseRenewedAt + state.leaseTtlSeconds * 1_000 : 0;
  };
  return uuids.toSorted((left, right) => expiry(left) - expiry(right));
}

function claimsOf(pods: readonly LivePod[]): Map<string, LivePod[]> {
  const claims = new Map<string, LivePod[]>();
  for (const pod of pods) {
    for (const uuid of pod.uuids.filter((text) => validate(text))) {
      claims.set(uuid, [...(claims.get(uuid) ?? []), pod]);
    }
  }
  return claims;
}

function ownShare(index: Map<string, GrantState>, { shard, shards }: SweepOptions): Map<string, GrantState> {
  return new Map([...index].filter(([uuid]) => shardOf(uuid, shards) === shard));
}

/** What is no longer in the ledger needs no memory. */
function forget({ index }: Sweep, own: ReadonlySet<string>): void {
  for (const uuid of index.keys()) if (!own.has(uuid)) index.delete(uuid);
}

/** States are never changed in place, so the same one is the same news. */
function differs(left: ReadonlyMap<string, GrantState>, right: ReadonlyMap<string, GrantState>): boolean {
  return left.size !== right.size || [...left].some(([uuid, state]) => right.get(uuid) !== state);
}

function divide<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
