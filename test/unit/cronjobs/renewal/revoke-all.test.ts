import { describe, expect, test } from 'vitest';
import {
  exitCodeOfAll,
  type RevokeAllDependencies,
  revokeAll,
} from '../../../../cronjobs/renewal/revoke-all.ts';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { type LedgerRecord, UnreadableRecord } from '../../../../shared/vault/ledger.ts';
import { createKeptLog } from '../../../support/kept-log.ts';
import { RECORD, storedAs } from '../../../support/ledger-record.ts';

const record = (clusterId?: string): LedgerRecord => ({
  ...RECORD,
  clusterId,
});
type Found = LedgerRecord | undefined | Error;

interface World {
  readonly records: Readonly<Record<string, Found>>;
  readonly clusterId?: string;
  /** Whose memory stands under the prefix. */
  readonly lastBy?: string;
  readonly revoke?: RevokeAllDependencies['revocation']['revokeGrant'];
}

const SWEEP = { succeededAt: 0, shortestLeaseSeconds: 0, shards: 1 };

async function run({ records, clusterId, lastBy, revoke }: World) {
  const revoked: string[] = [];
  const { log } = createKeptLog();
  const last = lastBy === undefined ? undefined : { ...SWEEP, clusterId: lastBy };
  const parts: RevokeAllDependencies = {
    ledger: {
      list: async () => ({ grants: Object.keys(records), others: [] }),
      read: async (uuid) => {
        const found = records[uuid];
        if (found instanceof Error) throw found;
        return found && storedAs(found);
      },
    },
    revocation: {
      revokeGrant: async (uuid, found, work) => {
        revoked.push(uuid);
        return revoke ? revoke(uuid, found, work) : { state: 'revoked' };
      },
    },
    sweeps: { readLast: async () => last, readUnnamed: async () => last },
    readClusterUid: async () => 'uid',
    metrics: createMetrics({ process: 'renewal', uuidLabel: false }),
    clock: () => 0,
    log,
    time: { now: () => 0 },
    clusterId,
  };
  const report = await revokeAll(
    parts,
    deadlineIn(60_000, () => 0),
  );
  return { report, code: exitCodeOfAll(report), revoked };
}

const none = { found: 0, revoked: 0, pending: 0, foreign: 0, failed: 0, unreadable: 0 };

describe('all grants of the cluster', () => {
  test('are revoked, whoever holds them; what is gone meanwhile counts', async () => {
    const { report, code, revoked } = await run({ records: { a: record(), b: record('uid'), c: undefined } });
    expect([report, code]).toEqual([{ ...none, found: 3, revoked: 3 }, 0]);
    expect(revoked).toEqual(['a', 'b']);
  });

  test("but not other clusters'", async () => {
    const { report, code, revoked } = await run({
      records: { a: record('ours'), b: record('theirs') },
      clusterId: 'ours',
    });
    expect([report, code]).toEqual([{ ...none, found: 2, revoked: 1, foreign: 1 }, 0]);
    expect(revoked).toEqual(['a']);
  });

  test('as far as they can be: the others are counted', async () => {
    const { report, code } = await run({
      records: { a: record(), b: record(), c: new UnreadableRecord(), d: new Error('away') },
      lastBy: 'uid',
      revoke: async (uuid) =>
        uuid === 'a' ? { state: 'pending', reason: 'it owns a table' } : { state: 'revoked' },
    });
    expect([report, code]).toEqual([
      { ...none, found: 4, revoked: 1, pending: 1, failed: 1, unreadable: 1 },
      1,
    ]);
  });

  test('are none where another cluster sweeps under the same prefix, and nobody has a name', async () => {
    const contested = { records: { a: record() }, lastBy: 'another uid' };
    await expect(run(contested)).rejects.toThrow('their grants cannot be told apart');
  });

  test('where that cluster has no name, what names none may be of that one', async () => {
    const records = { a: record(), b: record('ours') };
    const contested = await run({ records, lastBy: 'another uid', clusterId: 'ours' });
    expect([contested.report, contested.revoked]).toEqual([
      { ...none, found: 2, revoked: 1, foreign: 1 },
      ['b'],
    ]);
    // Its own memory from the time before it had a name.
    expect((await run({ records, lastBy: 'uid', clusterId: 'ours' })).revoked).toEqual(['a', 'b']);
  });
});
