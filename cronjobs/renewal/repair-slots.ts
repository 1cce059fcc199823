/** Repairs slots if `maxGrantsPerRole` is on: those without a grant are given back, grants without one get theirs. */
import { holderOf } from '../../shared/grants/claims.ts';
import { scopeOfLease } from '../../shared/vault/slots.ts';
import type { Sweep } from './context.ts';
import { looksYoung } from './grant-state.ts';
import { shardOf } from './shard.ts';

/** @param grants the whole ledger's, as listed. */
export async function repairSlots(grants: ReadonlySet<string>, sweep: Sweep): Promise<void> {
  const { slots, work, log, claims, index, options, startedAt } = sweep;
  if (!slots) return;
  const isOfShard = (uuid: string) => shardOf(uuid, options.shards) === options.shard;
  const taken = await slots.all(work);
  // A young slot may belong to an admission in progress.
  const stale = taken.filter(
    ({ uuid }) =>
      isOfShard(uuid) && !grants.has(uuid) && !looksYoung(uuid, startedAt, options.gracePeriodSeconds),
  );
  await sweep.forEach(stale, (slot) => slots.release(slot.uuid, slot, work), {
    name: ({ uuid, namespace }) => ({ uuid, namespace }),
  });
  const withSlot = new Set(taken.map(({ uuid }) => uuid));
  // Issued while the limit was off.
  const without = [...index].flatMap(([uuid, { namespace, leaseId }]) => {
    const scope = scopeOfLease(namespace, leaseId);
    return scope && holderOf(claims, uuid, namespace) && !withSlot.has(uuid) ? [{ uuid, ...scope }] : [];
  });
  await sweep.forEach(without, (slot) => slots.put(slot.uuid, slot, work), {
    name: ({ uuid, namespace }) => ({ uuid, namespace }),
  });
  if (stale.length + without.length > 0)
    log.info(`slots of grants repaired: ${stale.length} given back, ${without.length} taken`);
}
