/**
 * What one sweep leaves for the next, and for admissions, beside the ledger (never in it: the reference lists that
 * folder). It is a cache: if deleted, the next sweep reads every record once, and nothing else is lost.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { countUpTo, MOST_SHARDS, moment, seconds, secondsEitherWay } from '../numbers.ts';
import { type Kv, unlessDeleted } from './kv.ts';
import type { Work } from './requests.ts';

/** What is known of a grant without reading its record. Times are milliseconds since 1970, durations seconds. */
export interface GrantState {
  readonly namespace: string;
  readonly leaseId: string;
  readonly issuedAt: number;
  readonly leaseTtlSeconds: number;
  readonly leaseRenewedAt: number;
  readonly leaseDueAt: number;
  readonly tokenPeriodSeconds: number;
  readonly tokenRenewedAt: number;
  readonly tokenDueAt: number;
  /** When Vault was last asked how far the lease can be extended; 0: never. */
  readonly probedAt: number;
  /** When the lease ends for good (`max_ttl`); 0: later than the last probe could see. */
  readonly endsAt: number;
  /** The record's cluster; empty if the record does not say. */
  readonly clusterId: string;
  /** Name of the pod's Secret until the pod owns it; empty without one, or once it is owned. */
  readonly secretToOwn: string;
  /** Consecutive renewals that left the token's expiry unchanged. */
  readonly tokenEndSeen: number;
  /** The token's accessor; empty until an answer has contained it. */
  readonly accessor: string;
  /** Whether a sweep has seen a live pod that names the grant. */
  readonly hadPod: boolean;
  /** Whether the record disappeared from the ledger while its pod lived: only this memory can end the grant. */
  readonly recordLost: boolean;
}

export interface LastSweep {
  /** Start of the last sweep that completed all of its work. */
  readonly succeededAt: number;
  /** The shortest lease among the live grants; 0 without any. */
  readonly shortestLeaseSeconds: number;
  readonly clusterId: string;
  readonly shards: number;
  /** How far the clock of the job's node was ahead of Vault's; absent in older versions' indexes. */
  readonly clockSkewSeconds?: number | undefined;
  /** Another cluster that found this cluster's memory under its own prefix, and when. */
  readonly rival?: { readonly clusterId: string; readonly seenAt: number } | undefined;
}

export interface SweepMemory {
  /** A missing or unreadable index counts as empty. */
  readIndex(shard: number, shards: number, work: Work): Promise<Map<string, GrantState>>;
  /**
   * @throws InjectorError `memory_outdated` if Vault was restored since the index was read: its renewals do not match
   * the leases that Vault has now.
   */
  writeIndex(
    shard: number,
    shards: number,
    index: ReadonlyMap<string, GrantState>,
    work: Work,
  ): Promise<void>;
  readLast(shard: number, work: Work): Promise<LastSweep | undefined>;
  /** The first shard's memory of a cluster that sweeps under the same prefix without a name. */
  readUnnamed(work: Work): Promise<LastSweep | undefined>;
  writeLast(shard: number, last: LastSweep, work: Work): Promise<void>;
}

const State = v.object({
  namespace: v.string(),
  leaseId: v.string(),
  issuedAt: moment,
  leaseTtlSeconds: seconds,
  leaseRenewedAt: moment,
  leaseDueAt: moment,
  tokenPeriodSeconds: seconds,
  tokenRenewedAt: moment,
  tokenDueAt: moment,
  probedAt: moment,
  endsAt: moment,
  clusterId: v.string(),
  secretToOwn: v.optional(v.string(), ''),
  tokenEndSeen: v.optional(countUpTo(1_000_000), 0),
  accessor: v.optional(v.string(), ''),
  // Absent in older versions, which stored grants of live pods only.
  hadPod: v.optional(v.boolean(), true),
  recordLost: v.optional(v.boolean(), false),
});
// Room for a million grants: all are read at once.
const MOST_CHUNKS = 1_000;
const Head = v.object({ chunks: countUpTo(MOST_CHUNKS) });
const Grants = v.record(v.string(), v.unknown());
const Chunk = v.object({ gzip: v.string() });
const Last = v.object({
  succeededAt: moment,
  shortestLeaseSeconds: seconds,
  clusterId: v.string(),
  shards: countUpTo(MOST_SHARDS),
  clockSkewSeconds: v.optional(secondsEitherWay),
  rival: v.optional(v.object({ clusterId: v.string(), seenAt: moment })),
});

// A cluster not seen for this long no longer sweeps here.
const RIVAL_FOR_MS = 24 * 3_600_000;

/** The other one of two clusters that sweep under one prefix, if any. */
export function rivalOf(last: LastSweep | undefined, clusterId: string, now: number): string | undefined {
  if (!last || last.clusterId !== clusterId) return last?.clusterId;
  const { rival } = last;
  return rival && rival.clusterId !== clusterId && now - rival.seenAt < RIVAL_FOR_MS
    ? rival.clusterId
    : undefined;
}

// Storage behind Vault takes entries of 512 KiB (Consul) or 1 MiB (Raft); a grant takes about 100 bytes.
const GRANTS_A_CHUNK = 1_000;
const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** Packed into one string: OpenBao refuses JSON with very many strings. */
function pack(grants: Record<string, GrantState>): string {
  return gzipSync(JSON.stringify(grants)).toString('base64');
}

/** Invalid entries are dropped one by one: the ledger has the truth. */
function unpack(packed: string): [string, GrantState][] {
  try {
    const text = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: MAX_CHUNK_BYTES }).toString(
      'utf8',
    );
    return Object.entries(v.parse(Grants, JSON.parse(text))).flatMap(([uuid, found]) => {
      const state = v.safeParse(State, found);
      return state.success ? [[uuid, state.output]] : [];
    });
  } catch {
    return [];
  }
}

/** @param unnamed folder of a cluster without a name. */
export function createSweepMemory(kv: Kv, folder: string, unnamed: string): SweepMemory {
  const what = "the sweep's memory";
  const indexAt = (shard: number, shards: number) => `${folder}/index-${shard}-of-${shards}`;

  /** A deleted memory counts as missing, however it was deleted: it is a cache. */
  const readDocument = (path: string, work: Work) => kv.read(what, path, work).catch(unlessDeleted);

  const read = async (path: string, work: Work): Promise<unknown> => (await readDocument(path, work))?.data;

  async function readChunk(path: string, work: Work): Promise<[string, GrantState][]> {
    const chunk = v.safeParse(Chunk, await read(path, work));
    return chunk.success ? unpack(chunk.output.gzip) : [];
  }

  async function readLast(path: string, work: Work): Promise<LastSweep | undefined> {
    const parsed = v.safeParse(Last, await read(path, work));
    return parsed.success ? parsed.output : undefined;
  }

  // Number of existing chunks by index path: only new ones have to be set up.
  const chunksAt = new Map<string, number>();

  // The version read of each index, by path.
  const versionsAt = new Map<string, number>();

  /** Versions only rise, unless a backup replaces Vault's storage or somebody deletes the memory. */
  async function refuseOlder(path: string, work: Work): Promise<void> {
    const known = versionsAt.get(path);
    if (known === undefined || ((await readDocument(path, work))?.version ?? 0) >= known) return;
    throw new InjectorError(
      'memory_outdated',
      'Vault has an older memory than the one that this sweep began with: it was restored from a backup, or the memory deleted; the next sweep goes by what Vault has',
    );
  }

  return {
    async readIndex(shard, shards, work) {
      const path = indexAt(shard, shards);
      const document = await readDocument(path, work);
      if (document) versionsAt.set(path, document.version);
      const head = v.safeParse(Head, document?.data);
      if (!head.success) return new Map();
      chunksAt.set(path, head.output.chunks);
      const numbers = Array.from({ length: head.output.chunks }, (_, number) => number);
      const chunks = await Promise.all(numbers.map((number) => readChunk(`${path}-${number}`, work)));
      return new Map(chunks.flat());
    },

    async writeIndex(shard, shards, index, work) {
      const path = indexAt(shard, shards);
      await refuseOlder(path, work);
      const grants = [...index].sort(([left], [right]) => (left < right ? -1 : 1));
      const chunks = Math.ceil(grants.length / GRANTS_A_CHUNK);
      for (let number = 0; number < chunks; number += 1) {
        const part = grants.slice(number * GRANTS_A_CHUNK, (number + 1) * GRANTS_A_CHUNK);
        if (number >= (chunksAt.get(path) ?? 0)) await kv.keepOneVersion(what, `${path}-${number}`, work);
        await kv.write(what, `${path}-${number}`, { gzip: pack(Object.fromEntries(part)) }, work);
      }
      await kv.write(what, path, { chunks }, work);
    },

    readLast: (shard, work) => readLast(`${folder}/last-${shard}`, work),
    readUnnamed: (work) => readLast(`${unnamed}/last-0`, work),

    writeLast: (shard, last, work) => kv.write(what, `${folder}/last-${shard}`, last, work),
  };
}
