import { createHash } from 'node:crypto';

/** Which share of the ledger a uuid is in; of its whole text, since parts of it are the same for many. */
export function shardOf(uuid: string, shards: number): number {
  return shards === 1 ? 0 : createHash('sha256').update(uuid).digest().readUInt32BE(0) % shards;
}
