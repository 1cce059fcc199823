/**
 * One sweep: lists the ledger, then the pods; renews what is due, revokes orphaned grants, and reports other faults.
 * It may be killed at any point: the next one carries on.
 */
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { ownsUnnamed } from '../../shared/grants/ownership.ts';
import { once } from '../../shared/single-flight.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { createAttempt } from './attempt.ts';
import { cleanUp } from './clean-up.ts';
import { checkClock } from './clock.ts';
import type { Sweep, SweepDependencies } from './context.ts';
import { createForEach } from './for-each.ts';
import { lifeOf } from './grant-state.ts';
import { keepClaimed, keepUndecided } from './keep.ts';
import { createLeaseEnd } from './lease-end.ts';
import { noteLostRecords } from './lost-records.ts';
import { observeGrants } from './observe-grants.ts';
import { findOrphans } from './orphans.ts';
import { reportPods } from './pods-in-need.ts';
import { type Read, readAll } from './read.ts';
import { repairSlots } from './repair-slots.ts';
import { hasSucceeded, newReport, type SweepReport } from './report.ts';
import { shardOf } from './shard.ts';

// Time to store the memory, or the next sweep would start over.
const SHARE_FOR_WORK = 0.9;
const REMEMBER_WITHIN_MS = 10_000;

export async function sweep(dependencies: SweepDependencies, deadline: Deadline): Promise<SweepReport> {
  const report = newReport();
  const beganAt = monotonicClock();
  using working = deadlineIn(deadline.remainingMs() * SHARE_FOR_WORK, monotonicClock, deadline.signal);
  const attempt = createAttempt(report, dependencies.log);
  const work = beginWork(working);
  const read = await readAll(dependencies, deadline, { work, attempt, report });
  const state: Sweep = {
    ...dependencies,
    ...read,
    work,
    report,
    attempt,
    // Vault has answered by now, so this is its time.
    startedAt: dependencies.time.now(),
    forEach: createForEach({ deadline: working, attempt, log: dependencies.log }),
    ownsUnnamed: once(() => askOwnsUnnamed(state)),
    leaseEnd: createLeaseEnd(),
    renewed: new Set(),
    lost: new Set(),
    recordsLost: new Set(),
  };
  const isComplete = await workOn(state);
  await remember(state, read, isComplete);
  report.vaultRequests = dependencies.requestsSent();
  report.durationMs = Math.round(monotonicClock() - beganAt);
  return report;
}

/** @returns whether everything needed to recognize orphaned grants could be read. */
async function workOn(sweep: Sweep): Promise<boolean> {
  const { names, livePods, claims, contested, attempt } = sweep;
  const clocksAgree = checkClock(sweep);
  reportOthers(sweep);
  const grants = grantsOfShard(sweep);
  // The grants in use are unknown without the pods: all are kept alive.
  if (!livePods) {
    await keepUndecided(grants, sweep);
    observeGrants(sweep);
    return false;
  }
  const [inUse, unclaimed] = divide(grants, (uuid) => claims.has(uuid));
  const claimedByOthers = await keepClaimed(inUse, sweep);
  await noteLostRecords(inUse, sweep);
  const isComplete = names !== undefined && !contested && clocksAgree;
  if (isComplete) {
    const { gone, undecided } = await findOrphans([...unclaimed, ...claimedByOthers], sweep);
    await keepUndecided(undecided, sweep);
    await cleanUp(gone, names.grants, sweep);
    await reportPods(livePods, new Set(names.grants), sweep);
    await attempt('the slots of grants could not be repaired', repairSlots(new Set(names.grants), sweep));
    forget(sweep, new Set(grants));
  } else {
    // Kept and renewed: their owner has to be found first.
    await keepUndecided(unclaimed, sweep);
  }
  observeGrants(sweep);
  return isComplete;
}

/** This shard's grants: those in the ledger, and those of live pods that the ledger has lost but the sweep remembers. */
function grantsOfShard({ names, claims, index, options }: Sweep): string[] {
  const listed = names?.grants ?? [...claims.keys()];
  const isOfShard = (uuid: string) => shardOf(uuid, options.shards) === options.shard;
  const known = new Set(listed);
  const isLost = ([uuid, state]: [string, GrantState]) =>
    !known.has(uuid) && (claims.has(uuid) || state.recordLost);
  const lost = [...index].filter(isLost).map(([uuid]) => uuid);
  return [...listed, ...lost].filter(isOfShard);
}

/** Names in the ledger that are not grants. */
function reportOthers({ names, options, report, log }: Sweep): void {
  const others = names?.others ?? [];
  // One shard counts them for all.
  if (others.length === 0 || options.shard !== 0) return;
  report.unreadable += others.length;
  log.warn(
    `${others.length} entries of the ledger are not grants by their names, such as copies of records: they are neither renewed nor revoked, and can be deleted`,
  );
}

/** Unknown ownership: records that name no cluster are not ours. */
async function askOwnsUnnamed(sweep: Sweep): Promise<boolean> {
  const { options, contested, attempt, work } = sweep;
  const { clusterId } = options;
  if (clusterId === undefined) return !contested;
  const found = ownsUnnamed({ ...sweep, clusterId }, work);
  return (await attempt('the owner of records without a cluster could not be determined', found)) ?? false;
}

/** The next sweep's memory, with this sweep's start if it completed all of its work. */
async function remember(state: Sweep, { remembered }: Read, isComplete: boolean): Promise<void> {
  const { sweeps, options, index, report, attempt } = state;
  using deadline = deadlineIn(REMEMBER_WITHIN_MS, monotonicClock);
  const work = beginWork(deadline);
  markLost(state);
  if (differs(index, remembered)) {
    const written = sweeps.writeIndex(options.shard, options.shards, index, work);
    await attempt('its memory could not be written', written);
  }
  if (isComplete && hasSucceeded(report)) {
    const noted = sweeps.writeLast(options.shard, lastOf(state), work);
    await attempt('its success could not be recorded', noted);
  }
}

/**
 * Marks grants whose records are lost: their pods' deletions will find no record, so a sweep has to revoke them then.
 * Done last of all, since a renewal overwrites the state with what it began with.
 */
function markLost({ index, recordsLost }: Sweep): void {
  for (const uuid of recordsLost) {
    const state = index.get(uuid);
    if (state && !state.recordLost) index.set(uuid, { ...state, recordLost: true });
  }
}

function lastOf({ index, claims, startedAt, clusterId = '', options, report }: Sweep) {
  const lives = [...index]
    .filter(([uuid, state]) => claims.has(uuid) && lifeOf(state) > 0 && state.endsAt === 0)
    .map(([, state]) => lifeOf(state));
  const shortestLeaseSeconds = lives.reduce((shortest, life) => Math.min(shortest, life), lives[0] ?? 0);
  const { clockSkewSeconds } = report;
  return {
    succeededAt: startedAt,
    shortestLeaseSeconds,
    clusterId,
    shards: options.shards,
    clockSkewSeconds,
  };
}

/** A grant that is no longer in the ledger is forgotten, unless a live pod names it. */
function forget({ index }: Sweep, grants: ReadonlySet<string>): void {
  for (const uuid of index.keys()) if (!grants.has(uuid)) index.delete(uuid);
}

/** States are immutable, so the same object means no change. */
function differs(left: ReadonlyMap<string, GrantState>, right: ReadonlyMap<string, GrantState>): boolean {
  return left.size !== right.size || [...left].some(([uuid, state]) => right.get(uuid) !== state);
}

function divide<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
