/**
 * One sweep: the ledger is listed, then the pods; what is due is renewed, orphaned grants are revoked, what went wrong
 * elsewhere is reported. It may be killed anywhere: the next one carries on.
 */
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { createAttempt } from './attempt.ts';
import { cleanUp } from './clean-up.ts';
import { checkClock } from './clock.ts';
import type { Sweep, SweepParts } from './context.ts';
import { createForEach } from './for-each.ts';
import { lifeOf } from './grant-state.ts';
import { healPlaces } from './heal-places.ts';
import { keepClaimed, keepUndecided } from './keep.ts';
import { createLeaseEnd } from './lease-end.ts';
import { noteLostRecords } from './lost-records.ts';
import { observeGrants } from './observe-grants.ts';
import { findOrphans } from './orphans.ts';
import { reportPods } from './pods-in-need.ts';
import { type Read, readAll } from './read.ts';
import { hasSucceeded, newReport, type SweepReport } from './report.ts';
import { shardOf } from './shard.ts';
import { once, ownsUnnamed } from './unnamed.ts';

// What is renewed must also be remembered, or the next sweep begins where this one did.
const SHARE_FOR_WORK = 0.9;
const REMEMBER_WITHIN_MS = 10_000;

export async function sweep(parts: SweepParts, deadline: Deadline): Promise<SweepReport> {
  const report = newReport();
  const beganAt = monotonicClock();
  const working = deadlineIn(deadline.remainingMs() * SHARE_FOR_WORK, monotonicClock, deadline.signal);
  const attempt = createAttempt(report, parts.log);
  const work = { deadline: working, vaultCalls: 0 };
  const read = await readAll(parts, deadline, { work, attempt, report });
  const state: Sweep = {
    ...parts,
    ...read,
    work,
    report,
    attempt,
    // Vault has answered by now, so this is its time.
    startedAt: parts.time.now(),
    forEach: createForEach({ deadline: working, attempt, log: parts.log }),
    ownsUnnamed: once(() => askOwnsUnnamed(state)),
    leaseEnd: createLeaseEnd(),
    renewed: new Set(),
    lost: new Set(),
    recordsLost: new Set(),
  };
  const isComplete = await workOn(state);
  working.release();
  await remember(state, read, isComplete);
  report.vaultRequests = parts.requestsSent();
  report.durationMs = Math.round(monotonicClock() - beganAt);
  return report;
}

/** @returns whether all that it takes to tell orphaned grants from others could be read. */
async function workOn(sweep: Sweep): Promise<boolean> {
  const { names, livePods, claims, contested, attempt } = sweep;
  const clocksAgree = checkClock(sweep);
  reportOthers(sweep);
  const own = ownGrants(sweep);
  // Without the pods nobody knows which grants are in use: all of them are kept alive.
  if (!livePods) {
    await keepUndecided(own, sweep);
    observeGrants(sweep);
    return false;
  }
  const [inUse, unclaimed] = divide(own, (uuid) => claims.has(uuid));
  const claimedByOthers = await keepClaimed(inUse, sweep);
  await noteLostRecords(inUse, sweep);
  const isComplete = names !== undefined && !contested && clocksAgree;
  if (isComplete) {
    const { gone, undecided } = await findOrphans([...unclaimed, ...claimedByOthers], sweep);
    await keepUndecided(undecided, sweep);
    await cleanUp(gone, names.grants, sweep);
    await reportPods(livePods, new Set(names.grants), sweep);
    await attempt('the places of grants could not be healed', healPlaces(new Set(names.grants), sweep));
    forget(sweep, new Set(own));
  } else {
    // Not revoked, so not given up either: whose they are has to be found out first.
    await keepUndecided(unclaimed, sweep);
  }
  observeGrants(sweep);
  return isComplete;
}

/** Grants of this share: those of the ledger, and those that it has lost while their pods lived and the sweep remembers. */
function ownGrants({ names, claims, index, options }: Sweep): string[] {
  const listed = names?.grants ?? [...claims.keys()];
  const isOwn = (uuid: string) => shardOf(uuid, options.shards) === options.shard;
  const known = new Set(listed);
  const isLost = ([uuid, state]: [string, GrantState]) =>
    !known.has(uuid) && (claims.has(uuid) || state.recordLost);
  const lost = [...index].filter(isLost).map(([uuid]) => uuid);
  return [...listed, ...lost].filter(isOwn);
}

/** Names in the ledger that no grant has. */
function reportOthers({ names, options, report, log }: Sweep): void {
  const others = names?.others ?? [];
  // One of the shares counts them for all.
  if (others.length === 0 || options.shard !== 0) return;
  report.unreadable += others.length;
  log.warn(
    `${others.length} entries of the ledger have names that no grant has, such as copies of records: nobody renews or revokes what is in them, and they can be deleted`,
  );
}

/** Where nobody can say, records that name no cluster are not ours. */
async function askOwnsUnnamed(sweep: Sweep): Promise<boolean> {
  const { options, contested, attempt, work } = sweep;
  const { clusterId } = options;
  if (clusterId === undefined) return !contested;
  const found = ownsUnnamed({ ...sweep, clusterId, now: sweep.time.now }, work);
  return (await attempt('whose records without a cluster are could not be told', found)) ?? false;
}

/** What the next sweep needs to know, and when this one began, if it did all that it had to do. */
async function remember(state: Sweep, { remembered }: Read, isComplete: boolean): Promise<void> {
  const { sweeps, options, index, report, attempt } = state;
  const deadline = deadlineIn(REMEMBER_WITHIN_MS, monotonicClock);
  const work = { deadline, vaultCalls: 0 };
  markLost(state);
  if (differs(index, remembered)) {
    const written = sweeps.writeIndex(options.shard, options.shards, index, work);
    await attempt('its memory could not be written', written);
  }
  if (isComplete && hasSucceeded(report)) {
    const noted = sweeps.writeLast(options.shard, lastOf(state), work);
    await attempt('its success could not be noted', noted);
  }
  deadline.release();
}

/**
 * A lost record's pod is deleted without a record to revoke by: the sweep has to know of it then. Noted last of all, since a
 * renewal under way would write the state from before over it.
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

/** What is no longer in the ledger needs no memory, unless a live pod names it. */
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
