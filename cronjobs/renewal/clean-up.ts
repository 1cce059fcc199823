/** Revokes orphaned grants and deletes their records, unless there are suspiciously many. */
import { createRevokeGrant } from '../../shared/grants/revoke-grant.ts';
import { printable } from '../../shared/secret.ts';
import { folderOfLease } from '../../shared/vault/leases.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { mountOf } from '../../shared/vault/slots.ts';
import { type BrakeInput, type Orphan, planRevocations, type Suspicion } from './brake.ts';
import type { Sweep } from './context.ts';
import { isForeign, looksYoung } from './grant-state.ts';
import { countStuck, isOfOneGrant } from './stuck.ts';

/**
 * @param orphans grants that certainly have no pod.
 * @param all the whole ledger's grants, of all shards.
 */
export async function cleanUp(
  orphans: readonly Orphan[],
  all: readonly string[],
  sweep: Sweep,
): Promise<void> {
  const { report, metrics, log } = sweep;
  report.orphaned = orphans.length;
  if (orphans.length === 0) return;
  const { over, plan } = await planFor(orphans, brakeInputOf(orphans, all, sweep), sweep);
  const { revoke, heldBack, brake } = plan;
  if (brake) {
    report.braked = true;
    // Renewing stops too: no live pod names them, and a pod that we cannot see belongs to another cluster with its
    // own sweep.
    log.warn(
      `${brake.suspected} of ${brake.grants} grants have no pod: nothing is revoked, since a wrong cluster, prefix or label is more likely; set maxRevokeFraction: 1 to do it anyway`,
    );
    return;
  }
  const expired = await reportHeldBack(heldBack, sweep);
  report.neverBorn = heldBack.length - expired.length;
  await revokeAll([...revoke, ...expired, ...over], sweep);
  const isDone = report.failed + report.pending + report.stuck === 0;
  metrics.count(isDone ? 'pod_cleanup_count_success' : 'pod_cleanup_count_error', {});
}

function brakeInputOf(orphans: readonly Orphan[], all: readonly string[], sweep: Sweep): BrakeInput {
  const { index, options, claims, startedAt } = sweep;
  const { shards } = options;
  const orphaned = new Set(orphans.map(({ uuid }) => uuid));
  const living = new Map<string, number>();
  for (const [uuid, state] of index) {
    if (orphaned.has(uuid) || isForeign(state, sweep)) continue;
    living.set(state.namespace, (living.get(state.namespace) ?? 0) + 1);
  }
  const isSuspected = (uuid: string) =>
    !claims.has(uuid) && !looksYoung(uuid, startedAt, options.gracePeriodSeconds);
  const listed = { suspected: all.filter(isSuspected).length, grants: all.length };
  const lost = lostOf(all, orphaned, sweep);
  const ledger =
    shards === 1
      ? undefined
      : {
          suspected: listed.suspected + lost.suspected * shards,
          grants: listed.grants + lost.grants * shards,
        };
  return { living, maxRevokeFraction: options.maxRevokeFraction, ledger };
}

/** Counts this shard's grants that only its memory knows, since their records are lost; other shards have about as many. */
function lostOf(all: readonly string[], orphaned: ReadonlySet<string>, { index, claims }: Sweep): Suspicion {
  const listed = new Set(all);
  // Any other one was revoked when its pod was deleted, and is about to be forgotten.
  const lost = [...index.keys()].filter(
    (uuid) => !listed.has(uuid) && (orphaned.has(uuid) || claims.has(uuid)),
  );
  return { suspected: lost.filter((uuid) => orphaned.has(uuid)).length, grants: lost.length };
}

/**
 * A grant that never had a pod keeps the brake on only until its lease ends: somebody who has pods refused in many
 * namespaces must not keep it on for ever.
 */
async function planFor(orphans: readonly Orphan[], input: BrakeInput, sweep: Sweep) {
  const plan = planRevocations(orphans, input);
  if (!plan.brake || input.ledger) return { over: [], plan };
  const over = new Set(
    await ended(
      orphans.filter(({ hadPod, record }) => !hadPod && record.leaseId !== ''),
      sweep,
    ),
  );
  const again = planRevocations(
    orphans.filter((orphan) => !over.has(orphan)),
    input,
  );
  return { over: [...over], plan: again };
}

/** @returns those that may be revoked even so. */
async function reportHeldBack(heldBack: readonly Orphan[], sweep: Sweep): Promise<Orphan[]> {
  if (heldBack.length === 0) return [];
  const namespaces = [...new Set(heldBack.map(({ record }) => record.namespace))];
  sweep.log.warn(
    `${heldBack.length} grants never had a pod, which is too many (namespaces: ${printable(namespaces.join(', '))}): they will expire with their leases`,
  );
  return ended(heldBack, sweep);
}

/** Selects never-born grants whose leases have ended: revoking them cannot harm anyone. */
async function ended(neverBorn: readonly Orphan[], sweep: Sweep): Promise<Orphan[]> {
  const { startedAt, leases } = sweep;
  const over: Orphan[] = [];
  const mayBeOver = neverBorn.filter(
    ({ record, issuedAt }) => startedAt - issuedAt > (record.leaseTtlSeconds ?? 0) * 1_000,
  );
  const ask = async (orphan: Orphan, work: Work) => {
    const { leaseId } = orphan.record;
    if (leaseId === '' || (await leases.isGone(leaseId, work))) over.push(orphan);
  };
  await sweep.forEach(mayBeOver, ask, { name: nameOf });
  return over;
}

const nameOf = ({ uuid, record }: Pick<Orphan, 'uuid' | 'record'>) => ({
  uuid,
  namespace: record.namespace,
  pod: record.podName,
  mount: mountOf(record),
});

async function revokeAll(orphans: readonly Orphan[], sweep: Sweep): Promise<void> {
  const { report, index, time, work } = sweep;
  const revokeGrant = createRevokeGrant({ ...sweep, clock: time.now }, 'orphaned grant revoked');
  const revoke = async (orphan: Orphan, within: Work) => {
    const state = await revokeGrant(orphan, within);
    report[state] += 1;
    if (state === 'revoked') index.delete(orphan.uuid);
  };
  await sweep.forEach(orphans, revoke, {
    name: nameOf,
    lane: ({ record }) => folderOfLease(record.leaseId),
    onFailure: async (orphan, thrown) => {
      if (!isOfOneGrant(thrown) || work.deadline.signal.aborted) throw thrown;
      countStuck('an orphaned grant cannot be revoked', nameOf(orphan), thrown, sweep);
    },
    onLeft: (items) => {
      report.stuck += items;
    },
  });
}
