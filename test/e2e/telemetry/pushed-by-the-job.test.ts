/** The renewal job's figures at a real Pushgateway: counters go on from sweep to sweep, gauges tell of the last one. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { deletePod } from '../support/fleet-state.ts';
import { pushed, pushgateway } from '../support/pushed.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

/** Its leases last for so few sweeps that each one renews them. */
const role = 'always-due-rw';
const JOB = 'vault_db_injector_renewal_0';
const sealed = answering(503, JSON.stringify({ errors: ['Vault is sealed'] }));
const labels = `{namespace="${exampleNamespace}"}`;
let fleet: Fleet;
let proxy: FaultProxy;

beforeAll(() => addAppRole(stack.vault, { name: role, defaultTtl: '20m' }));
beforeEach(async () => {
  fleet = await openFleet();
  proxy = await startFaultProxy();
});

async function sweep(overrides = {}, url = pushgateway.url) {
  const keys = { ...fleet.keys, vaultAddress: proxy.url, ...overrides };
  const { code } = await stack.sweep({ overrides: keys, env: { METRICS_PUSH_URL: url } });
  return code;
}

/** What the counters have grown by since `before`. */
const grownSince = async (before: Readonly<Record<string, number>>, names: readonly string[]) => {
  const now = await pushed(JOB);
  return Object.fromEntries(names.map((name) => [name, (now[name] ?? 0) - (before[name] ?? 0)]));
};

describe('a sweep', () => {
  test('tells when credentials end, how many there are, and what it did', async () => {
    await fleet.pods(2, { role });
    const before = Date.now() / 1_000;
    expect(await sweep()).toBe(0);
    const figures = await pushed(JOB);
    expect(figures[`lease_expiration${labels}`]).toBeGreaterThan(before + 1_190);
    expect(figures[`token_expiration${labels}`]).toBeGreaterThan(before + 767 * 3_600);
    expect(figures[`token_last_renewed${labels}`]).toBeGreaterThan(before - 60);
    expect(figures['last_synchronization_success']).toBeGreaterThan(before - 1);
    expect(figures).toMatchObject({
      [`grants${labels}`]: 2,
      'sweep_grants{state="live"}': 2,
      'sweep_grants{state="renewed"}': 2,
      'sweep_grants{state="overdue"}': 0,
      'sweep_grants{state="without_grant"}': 0,
      sweep_braked: 0,
      sweep_interval_seconds: 300,
      'is_leader{lease_name="renewal-0"}': 1,
    });
    const names = Object.keys(figures).join('\n');
    expect(names).toMatch(/^leader_election_duration_seconds\{.*mode="renewer".*\}$/m);
    expect(names).not.toContain('uuid=');
  });

  test('adds to what its predecessors have counted', async () => {
    await fleet.pods(2, { role });
    const before = await pushed(JOB);
    expect([await sweep(), await sweep()]).toEqual([0, 0]);
    const names = [
      `renew_lease_count_success${labels}`,
      'synchronization_count_success',
      'fetch_pods_success_count',
      'connect_vault_count_success',
      'leader_election_attempts_total{lease_name="renewal-0"}',
      'last_synchronization_duration_count',
      'sweep_duration_seconds_count{result="success"}',
    ];
    const [renewals = '', ...others] = names;
    expect(await grownSince(before, names)).toEqual({
      [renewals]: 4,
      ...Object.fromEntries(others.map((name) => [name, 2])),
    });
  });

  test('that cannot renew says until when the credentials last, and that they are overdue', async () => {
    await fleet.pods(2, { role });
    expect(await sweep()).toBe(0);
    const { [`lease_expiration${labels}`]: first = 0 } = await pushed(JOB);
    proxy.fail('lease renewal', answering(403, '{"errors":["permission denied"]}'), 100);
    expect(await sweep()).toBe(1);
    expect(await pushed(JOB)).toMatchObject({
      'sweep_grants{state="overdue"}': 2,
      [`lease_expiration${labels}`]: first,
    });
  });

  test('without Vault leaves what the last one knew, and counts itself', async () => {
    await fleet.pods(2, { role });
    expect(await sweep()).toBe(0);
    const before = await pushed(JOB);
    for (const step of ['login', 'last sweep'] as const) proxy.fail(step, sealed, 1_000);
    expect(await sweep({ syncTTLSecond: 5 })).toBe(1);
    const kept = ['last_synchronization_success', `lease_expiration${labels}`, `grants${labels}`];
    const after = await pushed(JOB);
    expect(kept.map((name) => after[name])).toEqual(kept.map((name) => before[name]));
    expect(await grownSince(before, ['synchronization_count_error'])).toEqual({
      synchronization_count_error: 1,
    });
    expect(after['sweep_grants{state="failed"}']).toBeGreaterThan(0);
  });

  test('that never succeeded says 0', async () => {
    proxy.fail('ledger list', answering(403, '{"errors":["permission denied"]}'), 10);
    expect(await sweep()).toBe(1);
    expect(await pushed(JOB)).toMatchObject({ last_synchronization_success: 0 });
  });

  test('that cannot push is no worse a sweep', async () => {
    expect(await sweep({}, 'http://127.0.0.1:1')).toBe(0);
  });
});

test('with metricsUuidLabel each grant has its series, and none stays of those that are gone', async () => {
  const [one, other] = await fleet.pods(2, { role });
  if (!one || !other) throw new Error('two pods were asked for');
  const series = async () => {
    const names = Object.keys(await pushed(JOB)).filter((name) =>
      name.startsWith('renew_lease_count_success'),
    );
    return names.flatMap((name) => /uuid="([^"]+)"/.exec(name)?.[1] ?? []).toSorted();
  };
  expect(await sweep({ metricsUuidLabel: true })).toBe(0);
  expect(await series()).toEqual([one.uuid, other.uuid].toSorted());
  await deletePod(other);
  expect(await sweep({ metricsUuidLabel: true })).toBe(0);
  expect(await series()).toEqual([one.uuid]);
});
