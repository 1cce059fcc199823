/** Vault fails, or the sweep is killed: nothing is revoked wrongly, and the next sweep makes up for it. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { beforehand, rateLimited } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { expectOrder, usersLeft } from '../support/fleet-state.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR, sweepIn } from '../support/sweeping.ts';

/** Its leases last for so few sweeps that each one renews them. */
const role = 'always-due-rw';
const LATER = HOUR * 0.7;

let proxy: FaultProxy;
let fleet: Fleet;
beforeAll(async () => {
  await addAppRole(stack.vault, { name: role, defaultTtl: '20m' });
});
afterEach(() => expectOrder(fleet));

async function set(pods: number, orphans: number) {
  proxy = await startFaultProxy();
  fleet = await openFleet();
  return { pods: await fleet.pods(pods, { role }), orphans: await fleet.orphans(orphans) };
}
const through = () => ({ vaultAddress: proxy.url });

/** What a sweep has to have come to in the end, however often it was disturbed. */
async function expectDone(users: readonly string[]): Promise<void> {
  const { code, report } = await sweepIn(AFTER_GRACE, fleet);
  expect([code, report.live, report.renewed]).toEqual([0, users.length, users.length]);
  expect([...(await usersLeft(fleet))].sort()).toEqual([...users].sort());
  expect(await fleet.records()).toHaveLength(users.length);
}

describe('SIGKILL', () => {
  /** Kills the job when Vault has done its nth request; `undefined` for one that ended before. */
  async function sweepKilledAt(number: number) {
    let pid = 0;
    proxy.failAt(number, async (exchange) => {
      await exchange.forward();
      process.kill(pid, 'SIGKILL');
      exchange.cut();
    });
    const overrides = { ...fleet.keys, ...through() };
    const { code } = await stack.sweep({ overrides, onSpawn: (spawned) => (pid = spawned) });
    return code === null ? 'killed' : code;
  }

  test('after each request to Vault: the next sweep carries on, and nothing is lost', async () => {
    let number = 0;
    for (let end: string | number = 'killed'; end === 'killed'; ) {
      number += 1;
      const { pods, orphans } = await set(1, 2);
      // The job has no clock but Vault's.
      proxy.backdate(AFTER_GRACE);
      for (const orphan of orphans) await fleet.aged(orphan, AFTER_GRACE);
      end = await sweepKilledAt(number);
      await expectDone(pods.map(({ user }) => user));
      await expectOrder(fleet);
    }
    // Login, memory and lists, a renewal, two revocations of four requests each, memory, logout.
    expect(number).toBeGreaterThan(20);
  });
});

describe('Vault', () => {
  test.each([
    ['is sealed', () => stack.vaultFaults.seal(), () => stack.vaultFaults.unseal()],
    [
      'is halted',
      () => stack.control.signal('openbao', 'SIGSTOP'),
      () => stack.control.signal('openbao', 'SIGCONT'),
    ],
  ])(
    '%s in the middle of a sweep: it comes to a clear end, and the next one completes it',
    async (_, fault, mend) => {
      const { pods } = await set(3, 5);
      proxy.fail('lease renewal', beforehand(fault));
      const { report, code, log } = await sweepIn(AFTER_GRACE, fleet, {
        keys: through(),
        within: 2_000,
      }).finally(mend);
      expect([code, report.revoked, report.lost, report.unknown]).toEqual([1, 0, 0, 0]);
      expect(report.failed).toBeGreaterThan(0);
      // The first failure of a reason has a line, and all others of that reason one more with their number.
      const errors = log.filter(({ level }) => level === 'error');
      const counts = errors.map(({ message }) => Number(/ (\d+) more times/.exec(message)?.[1] ?? 1));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(report.failed);
      await expectDone(pods.map(({ user }) => user));
    },
  );

  test('is sealed in the middle of the revocations: the next sweep completes them', async () => {
    const { pods } = await set(1, 5);
    proxy.fail(
      'revoke',
      beforehand(() => stack.vaultFaults.seal()),
    );
    const sweep = sweepIn(AFTER_GRACE, fleet, { keys: through(), within: 2_000 });
    const { code } = await sweep.finally(() => stack.vaultFaults.unseal());
    expect(code).toBe(1);
    await expectDone(pods.map(({ user }) => user));
  });

  test('is away for a moment: the sweep waits for it and does all it had to do', async () => {
    const { orphans } = await set(2, 2);
    proxy.fail(
      'lease renewal',
      beforehand(async () => {
        await stack.vaultFaults.seal();
        void stack.vaultFaults.unseal();
      }),
    );
    const { report, code } = await sweepIn(AFTER_GRACE, fleet, { keys: through() });
    expect([code, report.renewed, report.revoked]).toEqual([0, 2, orphans.length]);
  });

  test('has too many requests: the sweep backs off for as long as it is told to', async () => {
    await set(2, 1);
    proxy.fail('lease renewal', rateLimited, 2);
    const { report, code } = await sweepIn(AFTER_GRACE, fleet, { keys: through() });
    expect([code, report.renewed, report.revoked]).toEqual([0, 2, 1]);
    // One probe for the role (two where the younger lease was asked first), one renewal a lease, two that had to wait.
    expect([5, 6]).toContain(proxy.count('lease renewal'));
  });
});

test('vaultRateLimit spreads the requests of a sweep', async () => {
  await set(8, 0);
  const rate = 25;
  const times: number[] = [];
  for (let number = 1; number <= 100; number += 1)
    proxy.failAt(
      number,
      beforehand(() => times.push(performance.now())),
    );
  const { code, report } = await sweepIn(LATER, fleet, { keys: { ...through(), vaultRateLimit: rate } });
  expect([code, report.renewed]).toEqual([0, 8]);
  expect(times.length).toBeGreaterThan(20);
  const perSecond = ((times.length - 1) * 1_000) / ((times.at(-1) ?? 0) - (times[0] ?? 0));
  expect(perSecond).toBeLessThan(rate * 1.1);
});

test('two sweeps at once do no harm to one another', async () => {
  const { pods, orphans } = await set(5, 10);
  const both = await Promise.all([0, 1].map(() => sweepIn(AFTER_GRACE, fleet)));
  expect(both.map(({ code, report }) => [code, report.live, report.renewed])).toEqual([
    [0, 5, 5],
    [0, 5, 5],
  ]);
  expect(both.reduce((sum, { report }) => sum + report.revoked, 0)).toBeGreaterThanOrEqual(orphans.length);
  await expectDone(pods.map(({ user }) => user));
});
