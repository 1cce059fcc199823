/** The job as its CronJob runs it: a process, one line of report and an exit code. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { readLease } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering, gate } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { deletePod, expectOrder, setStatus, usersLeft } from '../support/fleet-state.ts';
import { expectNoSecretIn } from '../support/secrets.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE } from '../support/sweeping.ts';

/** Its leases last for so few sweeps that each one renews them. */
const role = 'always-due-rw';
let fleet: Fleet;

beforeAll(() => addAppRole(stack.vault, { name: role, defaultTtl: '20m' }));
beforeEach(async () => {
  fleet = await openFleet();
});
afterEach(() => expectOrder(fleet));

const run = (overrides = {}, env = {}) => stack.sweep({ overrides: { ...fleet.keys, ...overrides }, env });
const orphans = async (count: number) => {
  for (const orphan of await fleet.orphans(count)) await fleet.aged(orphan, AFTER_GRACE);
};
/** The job has no clock but Vault's, by which the records are older than they are. */
async function later() {
  const proxy = await startFaultProxy();
  proxy.backdate(AFTER_GRACE);
  return proxy;
}

describe('the job', () => {
  test('renews and revokes what it has to, says so in one line and ends with 0', async () => {
    const pod = await fleet.pod({ role });
    await orphans(2);
    const { LeaseId } = await fleet.record(pod.uuid);
    // The lease has lived for a while when it is renewed.
    await until('a second has passed', async () => (await readLease(LeaseId)).ttl < 1200);
    const proxy = await later();
    const { code, report, log } = await run({ vaultAddress: proxy.url });
    expect(code).toBe(0);
    expect(report).toMatchObject({
      live: 1,
      due: 1,
      renewed: 1,
      orphaned: 2,
      revoked: 2,
      pending: 0,
      failed: 0,
    });
    expect(report['vaultRequests']).toBe(proxy.total() - 1);
    expect(report['durationMs']).toBeGreaterThan(0);
    expect(log.split('\n').filter((line) => line.includes('sweep ended'))).toHaveLength(1);
    expect((await readLease(LeaseId)).ttl).toBeGreaterThanOrEqual(1199);
    expect(await usersLeft(fleet)).toEqual([pod.user]);
    expectNoSecretIn('the log', log, proxy.secrets());
  });

  test('ends with 1 and a line for each failure where something could not be done', async () => {
    await fleet.pods(2, { role });
    const proxy = await startFaultProxy();
    proxy.fail('lease renewal', answering(400, '{"errors":["role is locked"]}'), 2);
    const { code, report, log } = await run({ vaultAddress: proxy.url });
    const { failed } = report;
    expect([code, report['live']]).toEqual([1, 2]);
    expect(failed).toBeGreaterThan(0);
    expect(log.split('\n').filter((line) => line.includes('"level":"error"'))).toHaveLength(Number(failed));
  });

  test('ends with 0 and a line where a single record cannot be read', async () => {
    await fleet.write('019a0000-0000-7000-8000-000000000000', { LeaseId: 'garbage' });
    const { code, report, log } = await run();
    expect([code, report['unreadable'], report['failed']]).toEqual([0, 1, 0]);
    expect(log.split('\n').filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
  });

  test('ends with 3 where it would revoke suspiciously much', async () => {
    const pods = await Promise.all((await fleet.pods(21)).map(fleet.agedPod));
    const overrides = { vaultAddress: (await later()).url };
    expect((await run(overrides)).report).toMatchObject({ live: 21, orphaned: 0 });
    await Promise.all(pods.map(deletePod));
    const { code, report } = await run(overrides);
    expect([code, report['braked'], report['revoked']]).toEqual([3, true, 0]);
    expect((await run(overrides, { INJECTOR_MAX_REVOKE_FRACTION: '1' })).code).toBe(0);
  });

  test('does not start with a configuration that is not valid, and says all that is wrong with it', async () => {
    const overrides = { sweepShards: 4, gracePeriodSecond: 0, onLost: 'delete', maxRevokeFraction: 2 };
    const { code, log } = await run(overrides);
    expect(code).toBe(1);
    for (const fault of [
      'gracePeriodSecond: expected at least 1',
      'onLost: expected report or evict',
      'maxRevokeFraction: expected a number between 0 and 1',
    ])
      expect(log).toContain(fault);
    const shard = await run({ sweepShards: 4 }, { JOB_COMPLETION_INDEX: '4' });
    expect([shard.code, shard.log]).toEqual([
      1,
      expect.stringContaining('JOB_COMPLETION_INDEX: expected a number up to 3'),
    ]);
  });

  test('that is told to end, ends in order: it says how far it came, and nothing is revoked wrongly', async () => {
    const pod = await fleet.pod({ role });
    const [proxy, reached, released] = [await startFaultProxy(), gate(), gate()];
    proxy.fail('lease renewal', async (exchange) => {
      reached.open();
      await released.opened;
      exchange.cut();
    });
    let pid = 0;
    const running = stack.sweep({
      overrides: { ...fleet.keys, vaultAddress: proxy.url },
      onSpawn: (spawned) => (pid = spawned),
    });
    await reached.opened;
    process.kill(pid, 'SIGTERM');
    const { code, report } = await running.finally(released.open);
    expect([code, report['renewed'], report['revoked']]).toEqual([1, 0, 0]);
    expect(await fleet.records()).toEqual([pod.uuid]);
  });
});

describe('a container that crashes again and again', () => {
  test('gets no new lease: its pod keeps the one it has', async () => {
    const pod = await fleet.pod({ role });
    const { LeaseId } = await fleet.record(pod.uuid);
    for (const restartCount of [1, 2, 3]) {
      const state = { waiting: { reason: 'CrashLoopBackOff' } };
      const container = { name: 'app', image: 'x', imageID: '', ready: false, restartCount, state };
      await setStatus(pod, { phase: 'Running', containerStatuses: [container] });
      expect((await run()).report).toMatchObject({ live: 1, renewed: 1, revoked: 0 });
    }
    expect(await fleet.records()).toEqual([pod.uuid]);
    expect((await fleet.record(pod.uuid)).LeaseId).toBe(LeaseId);
    expect(await usersLeft(fleet)).toEqual([pod.user]);
  });
});
