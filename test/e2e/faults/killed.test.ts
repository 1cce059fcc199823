/**
 * SIGKILL between any two steps of an admission: nothing can be undone then. What remains is in the ledger, where the
 * sweep finds it, or nobody holds it, so that nobody renews its lease.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { query } from '../../stack/postgres.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { newSince, readLease, readRecord, takeCensus } from '../support/census.ts';
import { type Fault, type Step, startFaultProxy } from '../support/fault-proxy.ts';
import { gate } from '../support/faults.ts';
import { podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';

const TTL = 3600;

type Moment = 'before' | 'after';

/** Kills the function right before Vault sees that request, or right after Vault has done it. */
async function admitAndKill(moment: Moment, step: Step, role = 'gule-rw') {
  const proxy = await startFaultProxy();
  const reached = gate();
  const killed = gate();
  const kill: Fault = async (exchange) => {
    if (moment === 'after') await exchange.forward();
    reached.open();
    await killed.opened;
    exchange.cut();
  };
  proxy.fail(step, kill);
  const admission = await startAdmission(proxy, { until: 'healthy' });
  const before = await takeCensus();
  const verdict = ask(admission, reviewOf(podWith({ role }))).then(
    () => 'answered',
    () => 'not answered',
  );
  await reached.opened;
  admission.kill('SIGKILL');
  expect(await admission.exited).toBeNull();
  killed.open();
  expect(await verdict).toBe('not answered');
  await proxy.settled();
  return { before, left: await newSince(before) };
}

describe('SIGKILL', () => {
  const rows: readonly (readonly [Moment, Step, readonly [number, number, number]])[] = [
    ['before', 'login', [0, 0, 0]],
    ['after', 'login', [0, 0, 0]],
    ['before', 'role', [0, 0, 0]],
    ['after', 'role', [0, 0, 0]],
    ['before', 'token', [0, 0, 0]],
    ['after', 'token', [1, 0, 0]],
    ['before', 'credentials', [1, 0, 0]],
    ['after', 'credentials', [1, 1, 0]],
    ['before', 'record', [1, 1, 0]],
    ['after', 'record', [1, 1, 1]],
  ];

  test.each(rows)('%s the %s: tokens, leases and records %j remain', async (moment, step, remaining) => {
    const { left } = await admitAndKill(moment, step);
    expect([left.tokens.length, left.leases.length, left.records.length]).toEqual(remaining);
    expect(left.databaseUsers).toHaveLength(left.leases.length);

    const recorded = await Promise.all(left.records.map(readRecord));
    expect(recorded.map(({ LeaseId }) => LeaseId)).toEqual(recorded.length > 0 ? left.leases : []);
    expect(recorded.map(({ UserName }) => UserName)).toEqual(recorded.length > 0 ? left.databaseUsers : []);
    for (const lease of left.leases) expect((await readLease(lease)).ttl).toBeLessThanOrEqual(TTL);
  });
});

describe('what nobody has recorded', () => {
  beforeAll(() => addAppRole(stack.vault, { name: 'brief', defaultTtl: 2 }));

  test('ends with its lease: the user is gone from PostgreSQL', async () => {
    const { before, left } = await admitAndKill('after', 'credentials', 'brief');
    const [user = ''] = left.databaseUsers;
    expect(user).toMatch(/^brief-/);
    await until('PostgreSQL has no such user any more', async () => {
      const found = await query(stack.description.databaseUrl, 'SELECT 1 FROM pg_roles WHERE rolname = $1', [
        user,
      ]);
      return found.length === 0;
    });
    const now = await newSince(before);
    expect([now.leases, now.databaseUsers]).toEqual([[], []]);
  });
});

describe('what is recorded', () => {
  test('can be revoked by what the record says', async () => {
    const { before, left } = await admitAndKill('after', 'record');
    const [uuid = ''] = left.records;
    const { TokenAccessor: accessor } = await readRecord(uuid);
    await stack.vault.call('POST', 'auth/token/revoke-accessor', { accessor });
    await expect.poll(() => newSince(before)).toMatchObject({ tokens: [], leases: [], databaseUsers: [] });
  });
});
