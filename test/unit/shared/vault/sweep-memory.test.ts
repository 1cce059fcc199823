import { beforeEach, describe, expect, test } from 'vitest';
import { initialState } from '../../../../cronjobs/renewal/grant-state.ts';
import type { Kv } from '../../../../shared/vault/kv.ts';
import {
  createSweepMemory,
  type GrantState,
  type SweepMemory,
} from '../../../../shared/vault/sweep-memory.ts';
import { RECORD, storedAs } from '../../../support/ledger-record.ts';
import { newWork } from '../../../support/work.ts';

const CHUNK = 1_000;
let documents: Map<string, object>;
let trimmed: string[];
let versions: Map<string, number>;
let memory: SweepMemory;
const work = newWork();

beforeEach(() => {
  documents = new Map();
  trimmed = [];
  versions = new Map();
  const kv: Kv = {
    read: async (_, path) => {
      const data = documents.get(path);
      return (
        data && {
          data: Object.fromEntries(Object.entries(data)),
          createdAt: new Date(0),
          version: versions.get(path) ?? 1,
        }
      );
    },
    write: async (_, path, data) => {
      documents.set(path, data);
      versions.set(path, (versions.get(path) ?? 0) + 1);
    },
    keepOneVersion: async (_, path) => void trimmed.push(path),
    remove: () => expect.unreachable(),
    list: () => expect.unreachable(),
  };
  memory = createSweepMemory(kv, 'prefix-sweep', 'prefix-sweep');
});

const state = (number: number): GrantState => ({
  namespace: `team-${number}`,
  leaseId: `db/creds/rw/${number}`,
  issuedAt: number,
  leaseTtlSeconds: 3_600,
  leaseRenewedAt: number,
  leaseDueAt: number + 1,
  tokenPeriodSeconds: 100,
  tokenRenewedAt: number,
  tokenDueAt: number + 2,
  probedAt: 0,
  endsAt: 0,
  clusterId: '',
  secretToOwn: '',
  tokenEndSeen: 0,
  accessor: `accessor-${number}`,
  hadPod: true,
  recordLost: false,
});
const states = (count: number) =>
  new Map(Array.from({ length: count }, (_, number) => [String(number).padStart(8, '0'), state(number)]));

describe("a sweep's memory", () => {
  test.each([0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5])(
    'of %i grants is read as it was written',
    async (count) => {
      await memory.writeIndex(0, 1, states(count), work);
      expect(await memory.readIndex(0, 1, work)).toEqual(states(count));
      expect(documents.size).toBe(1 + Math.ceil(count / CHUNK));
    },
  );

  test('that has become smaller forgets the rest', async () => {
    await memory.writeIndex(0, 1, states(CHUNK + 1), work);
    await memory.writeIndex(0, 1, states(3), work);
    expect(await memory.readIndex(0, 1, work)).toEqual(states(3));
  });

  test('keeps one version of each of its parts, which is said once', async () => {
    await memory.writeIndex(0, 1, states(CHUNK + 1), work);
    await memory.readIndex(0, 1, work);
    await memory.writeIndex(0, 1, states(CHUNK + 2), work);
    expect(trimmed).toEqual(['prefix-sweep/index-0-of-1-0', 'prefix-sweep/index-0-of-1-1']);
  });

  test('is not written where Vault was restored since it was read: its leases are not what the memory says', async () => {
    await memory.writeIndex(0, 1, states(2), work);
    const [backup, numbers] = [new Map(documents), new Map(versions)];
    await memory.writeIndex(0, 1, states(3), work);
    await memory.readIndex(0, 1, work);
    [documents, versions] = [backup, numbers];
    await expect(memory.writeIndex(0, 1, states(4), work)).rejects.toMatchObject({ code: 'memory_outdated' });
    expect(await memory.readIndex(0, 1, work)).toEqual(states(2));
    // The next sweep has read what Vault has.
    await memory.writeIndex(0, 1, states(4), work);
    expect(await memory.readIndex(0, 1, work)).toEqual(states(4));
  });

  test('is each share’s own, and anew when their number changes', async () => {
    await memory.writeIndex(1, 4, states(2), work);
    expect(await memory.readIndex(1, 4, work)).toEqual(states(2));
    expect(await memory.readIndex(0, 4, work)).toEqual(new Map());
    expect(await memory.readIndex(1, 2, work)).toEqual(new Map());
  });

  test.each<[string, object]>([
    ['is none', {}],
    ['is not what was packed', { gzip: 'bm90IGd6aXA=' }],
    ['was packed by somebody else', { gzip: 42 }],
  ])('of which a part %s is forgotten in that part: the ledger has the truth', async (_, broken) => {
    await memory.writeIndex(0, 1, states(CHUNK + 3), work);
    documents.set('prefix-sweep/index-0-of-1-0', broken);
    expect((await memory.readIndex(0, 1, work)).size).toBe(3);
  });

  test.each([
    ['a time that is none', { leaseDueAt: Number.MAX_SAFE_INTEGER }],
    ['a length that is none', { leaseTtlSeconds: Number.NaN }],
  ])('of which one grant has %s forgets that one, and not the thousand beside it', async (_, wrong) => {
    const written = states(CHUNK);
    written.set('00000007', { ...state(7), ...wrong });
    await memory.writeIndex(0, 1, written, work);
    const found = await memory.readIndex(0, 1, work);
    expect([found.size, found.has('00000007')]).toEqual([CHUNK - 1, false]);
  });

  test('keeps what a sweep makes of a record without a lease', async () => {
    const stored = storedAs({ ...RECORD, ...state(1), leaseId: '' }, new Date());
    const moment = { startedAt: Date.now(), syncIntervalSeconds: 300, random: () => 0 };
    const index = new Map([['a', initialState('a', stored, moment)]]);
    await memory.writeIndex(0, 1, index, work);
    expect(await memory.readIndex(0, 1, work)).toEqual(index);
  });

  test.each([{}, { chunks: -1 }, { chunks: 1e9 }, { chunks: 'many' }])(
    'whose head is %j is an empty one',
    async (head) => {
      documents.set('prefix-sweep/index-0-of-1', head);
      expect(await memory.readIndex(0, 1, work)).toEqual(new Map());
    },
  );
});

test('the last good sweep is read as it was written, and not there where it is not one', async () => {
  const last = { succeededAt: 1, shortestLeaseSeconds: 2, clusterId: 'uid', shards: 3 };
  expect(await memory.readLast(0, work)).toBeUndefined();
  await memory.writeLast(0, last, work);
  expect(await memory.readLast(0, work)).toEqual(last);
  documents.set('prefix-sweep/last-0', { ...last, succeededAt: 'yesterday' });
  expect(await memory.readLast(0, work)).toBeUndefined();
});

describe('numbers that no sweep writes', () => {
  const last = { succeededAt: 1, shortestLeaseSeconds: 60, clusterId: 'c', shards: 1 };

  test.each([
    { shards: 1e9 },
    { shards: 101 },
    { shards: -1 },
    { shards: 1.5 },
    { succeededAt: 1e300 },
    { shortestLeaseSeconds: 1e12 },
  ])('%j: it is as if there had been none', async (changes) => {
    documents.set('prefix-sweep/last-0', { ...last, ...changes });
    expect(await memory.readLast(0, work)).toBeUndefined();
    documents.set('prefix-sweep/last-0', last);
    expect(await memory.readLast(0, work)).toEqual(last);
  });

  test('a million parts of an index are not even asked for', async () => {
    documents.set('prefix-sweep/index-0-of-1', { chunks: 1e6 });
    expect(await memory.readIndex(0, 1, work)).toEqual(new Map());
  });
});
