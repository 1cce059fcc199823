/** What the last sweeps of all shards have left. */
import type { Config } from '../shared/config.ts';
import type { Work } from '../shared/vault/requests.ts';
import type { GrantState, LastSweep, SweepMemory } from '../shared/vault/sweep-memory.ts';

export interface SweepState {
  /** Grants by uuid. */
  readonly grants: ReadonlyMap<string, GrantState>;
  /** The last sweep of the shard that has been without success the longest; `undefined` if one never succeeded. */
  readonly last: LastSweep | undefined;
}

export async function readMemory(
  sweeps: Pick<SweepMemory, 'readIndex' | 'readLast'>,
  { shards }: Pick<Config, 'shards'>,
  work: Work,
): Promise<SweepState> {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  const [indexes, lasts] = await Promise.all([
    Promise.all(all.map((shard) => sweeps.readIndex(shard, shards, work))),
    Promise.all(all.map((shard) => sweeps.readLast(shard, work))),
  ]);
  const known = lasts.filter((last) => last !== undefined);
  const [oldest] = known.toSorted((left, right) => left.succeededAt - right.succeededAt);
  return {
    grants: new Map(indexes.flatMap((index) => [...index])),
    last: known.length < shards ? undefined : oldest,
  };
}
