import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { Sweep } from './context.ts';

/** The memories of all shards: a pod, or a copy of a record, may be in another shard than its grant. */
export async function allStates({
  index,
  options,
  sweeps,
  work,
}: Sweep): Promise<ReadonlyMap<string, GrantState>> {
  const others = Array.from({ length: options.shards }, (_, shard) => shard).filter(
    (shard) => shard !== options.shard,
  );
  const indexes = await Promise.all(others.map((shard) => sweeps.readIndex(shard, options.shards, work)));
  return new Map([...indexes.flatMap((one) => [...one]), ...index]);
}
