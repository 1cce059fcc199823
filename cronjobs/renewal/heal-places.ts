/** Repairs places if `maxGrantsPerRole` is on: those without a grant are given back, grants without one get theirs. */
import { holderOf } from '../../shared/vault/held.ts';
import type { Sweep } from './context.ts';
import { looksYoung } from './grant-state.ts';
import { shardOf } from './shard.ts';

/** @param grants the whole ledger's, as listed. */
export async function healPlaces(grants: ReadonlySet<string>, sweep: Sweep): Promise<void> {
  const { held, work, log, claims, index, options, startedAt } = sweep;
  if (!held) return;
  const isOwn = (uuid: string) => shardOf(uuid, options.shards) === options.shard;
  const places = await held.all(work);
  // A young place may belong to an admission in progress.
  const stale = places.filter(
    ({ uuid }) =>
      isOwn(uuid) && !grants.has(uuid) && !looksYoung(uuid, startedAt, options.gracePeriodSeconds),
  );
  await sweep.forEach(stale, (place) => held.release(place.uuid, place, work), {
    name: ({ uuid, namespace }) => ({ uuid, namespace }),
  });
  const placed = new Set(places.map(({ uuid }) => uuid));
  // Issued while the limit was off.
  const without = [...index].flatMap(([uuid, { namespace, leaseId }]) => {
    const holder = holderOf(namespace, leaseId);
    const lives = claims.get(uuid)?.some((pod) => pod.namespace === namespace);
    return holder && lives && !placed.has(uuid) ? [{ uuid, ...holder }] : [];
  });
  await sweep.forEach(without, (place) => held.put(place.uuid, place, work), {
    name: ({ uuid, namespace }) => ({ uuid, namespace }),
  });
  if (stale.length + without.length > 0)
    log.info(`places of grants repaired: ${stale.length} given back, ${without.length} taken`);
}
