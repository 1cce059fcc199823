import { describe, expect, test } from 'vitest';
import { ownershipOf, ownsUnnamed } from '../../../../shared/grants/ownership.ts';
import type { LastSweep } from '../../../../shared/vault/sweep-memory.ts';
import { newWork } from '../../../support/work.ts';

test.each([
  // The record's cluster, ours, and whose the grant is.
  ['blue', 'blue', 'ours'],
  ['blue', 'green', 'foreign'],
  ['blue', undefined, 'unknown'],
  [undefined, 'blue', 'unnamed'],
  [undefined, undefined, 'unnamed'],
  ['Blue', 'blue', 'foreign'],
  ['', 'blue', 'foreign'],
] as const)('a record of %j, read by %j, is %s', (recorded, own, expected) => {
  expect(ownershipOf({ clusterId: recorded }, own)).toBe(expected);
});

describe('records without a name', () => {
  const DAY = 24 * 3_600_000;
  const sweep = { succeededAt: 0, shortestLeaseSeconds: 0, shards: 1 };
  const rival = { clusterId: 'uid-other', seenAt: 0 };

  async function owns(last: LastSweep | undefined, now = 0) {
    let asked = 0;
    const readClusterUid = async () => {
      asked += 1;
      return 'uid';
    };
    const sweeps = { readUnnamed: async () => last };
    const owned = await ownsUnnamed(
      { clusterId: 'blue', sweeps, readClusterUid, time: { now: () => now } },
      newWork(),
    );
    return { owned, asked };
  }

  test.each<[string, LastSweep | undefined, number, boolean, number]>([
    ['nobody has swept without a name', undefined, 0, true, 0],
    ['this cluster did, before it was named', { ...sweep, clusterId: 'uid' }, 0, true, 1],
    ['it has swept under its name there', { ...sweep, clusterId: 'blue' }, 0, true, 0],
    ['another cluster did', { ...sweep, clusterId: 'uid-other' }, 0, false, 1],
    ['another cluster has seen its memory', { ...sweep, clusterId: 'uid', rival }, 0, false, 1],
    ['another cluster had seen it a day ago', { ...sweep, clusterId: 'uid', rival }, DAY, true, 1],
  ])('where %s', async (_, last, now, owned, asked) => {
    expect(await owns(last, now)).toEqual({ owned, asked });
  });
});
