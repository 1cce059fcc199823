import { createHash } from 'node:crypto';

/** The shard that a uuid is in; computed from its whole text, since parts are the same for many uuids. */
export function shardOf(uuid: string, shards: number): number {
  return shards === 1 ? 0 : createHash('sha256').update(uuid).digest().readUInt32BE(0) % shards;
}
