/** The job as its CronJob runs it: a process, one line of report, an exit code, and figures for Prometheus. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { readLease } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { gate } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { expectOrder, setStatus, usersLeft } from '../support/fleet-state.ts';
import { parseMetrics } from '../support/metrics.ts';
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

describe('the job', () => {
  test('renews and revokes what it has to, says so in one line and ends with 0', async () => {
    const pod = await fleet.pod({ role });
    await orphans(2);
    const { LeaseId } = await fleet.record(pod.uuid);
    // The lease has lived for a while when it is renewed.
    await until('a second has passed', async () => (await readLease(LeaseId)).ttl < 1200);
    const proxy = await startFaultProxy();
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
    await fleet.write('019a0000-0000-7000-8000-000000000000', { LeaseId: 'garbage' });
    const { code, report, log } = await run();
    expect([code, report['unreadable'], report['failed']]).toEqual([1, 1, 0]);
    expect(log.split('\n').filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
  });

  test('ends with 3 where it would revoke suspiciously much', async () => {
    await orphans(21);
    const { code, report } = await run();
    expect([code, report['braked'], report['revoked']]).toEqual([3, true, 0]);
    expect((await run({}, { INJECTOR_MAX_REVOKE_FRACTION: '1' })).code).toBe(0);
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

describe('figures for Prometheus', () => {
  /** A stub of a Pushgateway: it keeps what is pushed. */
  async function startPushgateway() {
    const pushed: { readonly method: string; readonly path: string; readonly text: string }[] = [];
    const server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
      const { method = '', url: path = '' } = incoming;
      pushed.push({ method, path, text: Buffer.concat(chunks).toString() });
      outgoing.writeHead(202).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    const address: AddressInfo | string | null = server.address();
    if (typeof address !== 'object' || !address) throw new Error('the stub does not listen');
    return { url: `http://127.0.0.1:${address.port}`, pushed };
  }

  test.each([
    ['by namespace', {}, '{namespace="team-infrastructure"}'],
    [
      'and uuid, where that is wished',
      { metricsUuidLabel: true },
      '{uuid="UUID",namespace="team-infrastructure"}',
    ],
  ])('are pushed %s, by the names of the reference', async (_, keys, labels) => {
    const gateway = await startPushgateway();
    const pod = await fleet.pod({ role });
    const before = Date.now() / 1_000;
    const { code } = await run(keys, { METRICS_PUSH_URL: gateway.url });
    expect(code).toBe(0);
    expect(gateway.pushed.map(({ method, path }) => [method, path])).toEqual([
      ['PUT', '/metrics/job/vault_db_injector_renewal_0'],
    ]);
    const samples = parseMetrics(gateway.pushed[0]?.text ?? '');
    const of = (name: string) => samples[`vault_injector_${name}${labels.replace('UUID', pod.uuid)}`];
    expect(of('renew_lease_count_success')).toBe(1);
    expect(of('lease_expiration')).toBeGreaterThan(before + 1_190);
    expect(of('token_expiration')).toBeGreaterThan(before + 767 * 3_600);
    expect(of('token_last_renewed')).toBeGreaterThan(before - 60);
    expect(samples).toMatchObject({
      vault_injector_synchronization_count_success: 1,
      vault_injector_synchronization_count_error: 0,
      vault_injector_fetch_pods_success_count: 1,
      vault_injector_connect_vault_count_success: 1,
      vault_injector_sweep_braked: 0,
      'vault_injector_sweep_grants{state="live"}': 1,
    });
    expect(samples['vault_injector_last_synchronization_success']).toBeGreaterThan(before - 1);
    expect(samples['vault_injector_last_synchronization_duration']).toBeGreaterThan(0);
  });

  test('of a sweep that failed say when the last good one was', async () => {
    const gateway = await startPushgateway();
    const before = Date.now() / 1_000;
    expect((await run()).code).toBe(0);
    await fleet.write('019a0000-0000-7000-8000-000000000000', { LeaseId: 'garbage' });
    expect((await run({}, { METRICS_PUSH_URL: gateway.url })).code).toBe(1);
    const samples = parseMetrics(gateway.pushed[0]?.text ?? '');
    expect(samples['vault_injector_synchronization_count_error']).toBe(1);
    expect(samples['vault_injector_last_synchronization_success']).toBeGreaterThan(before - 1);
  });

  test('that cannot be pushed do not fail the sweep', async () => {
    const { code, log } = await run({}, { METRICS_PUSH_URL: 'http://127.0.0.1:1' });
    expect([code, log]).toEqual([0, expect.stringContaining('metrics could not be pushed')]);
  });
});
