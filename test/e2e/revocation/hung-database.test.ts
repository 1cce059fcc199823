/**
 * A database that takes connections and answers nobody, beside one that is well: deletions of its pods cost nobody else's
 * anything, neither in the revocation function nor in a sweep.
 */
import pLimit from 'p-limit';
import { afterEach, describe, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import type { Given } from '../support/fleet.ts';
import { deletePod, usersLeft } from '../support/fleet-state.ts';
import { parseMetrics } from '../support/metrics.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { dataOf, type RevocationFunction, send, startRevocation } from '../support/revoking.ts';
import { startSecondDatabase } from '../support/second-database.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const HUNG = 48;
const WELL = 8;
/** Value in knative/serving/revocation.yaml. */
const CONTAINER_CONCURRENCY = 32;
/** Value in shared/vault/lease-lanes.ts. */
const AT_ONCE = 8;

const second = await startSecondDatabase('hung-rw');
const onSecond = { role: second.mount, annotations: { cluster: second.mount } };
afterEach(() => second.wake());

async function deletedPods({ fleet }: StrictFleet, count: number, wishes = {}): Promise<Given[]> {
  const few = pLimit(8);
  return Promise.all(
    Array.from({ length: count }, () =>
      few(async () => {
        const pod = await fleet.pod(wishes);
        await deletePod(pod);
        return pod;
      }),
    ),
  );
}

const usersOf = (pods: readonly Given[]) => pods.map(({ user }) => user);
const wellLeft = async ({ fleet }: StrictFleet, pods: readonly Given[]) =>
  (await usersLeft(fleet)).filter((user) => usersOf(pods).includes(user));

/** All at once, as many at a time as Knative lets through. */
function sendAll(to: RevocationFunction, pods: readonly Pick<Given, 'namespace' | 'name' | 'uuids'>[]) {
  const limit = pLimit(CONTAINER_CONCURRENCY);
  return Promise.all(pods.map((pod) => limit(async () => (await send(to, { data: dataOf(pod) })).status)));
}

async function leasesTried({ url }: RevocationFunction): Promise<number> {
  const samples = Object.entries(parseMetrics((await request(`${url}/metrics`)).body));
  return samples
    .filter(([name]) => /vault_requests_total\{.*operation="revoke a lease"/.test(name))
    .reduce((sum, [, value]) => sum + value, 0);
}

describe.each(['token', 'accessor'] as const)('with a record that has its %s', (tokenReference) => {
  test('deletions of its pods are acknowledged, and those of others are revoked while it hangs', async () => {
    const strict = await openStrictFleet({ engine: second.mount, keys: { tokenReference } });
    const revocation = await startRevocation(strict.fleet, strict.keysOf('revocation'));
    const stuck = await deletedPods(strict, HUNG, onSecond);
    const well = await deletedPods(strict, WELL);
    await second.hang();
    const statuses = await sendAll(revocation, [...stuck, ...well]);
    expect(statuses).toEqual(statuses.map(() => 204));
    expect(await revocation.outcomes()).toEqual({ pending: HUNG, revoked: WELL });
    expect(await wellLeft(strict, well)).toEqual([]);
    // The others were not even tried: their tokens are dead, and Vault drops the users when it can.
    expect(await leasesTried(revocation)).toBeLessThanOrEqual(AT_ONCE + WELL);
    expect((await strict.fleet.records()).toSorted()).toEqual(stuck.map(({ uuid }) => uuid).toSorted());

    await second.wake();
    await expect
      .poll(() => second.usersLeft(usersOf(stuck)), { timeout: 60_000, interval: 1_000 })
      .toEqual([]);
    const keys = { ...strict.keysOf('renewal'), maxRevokeFraction: 1 };
    const swept = await sweepIn(AFTER_GRACE, strict.fleet, { keys });
    expect([swept.report.revoked, await strict.fleet.records()]).toEqual([HUNG, []]);
  });
});

test('of one pod with grants in both, the one is pending and the other is gone', async () => {
  const strict = await openStrictFleet({ engine: second.mount });
  const revocation = await startRevocation(strict.fleet, strict.keysOf('revocation'));
  const [pod] = await deletedPods(strict, 1, {
    annotations: {
      'here.role': 'gule-rw',
      'there.role': second.mount,
      'there.cluster': second.mount,
      'there.env-key-dbuser': 'THERE_USER',
      'there.env-key-dbpassword': 'THERE_PASSWORD',
    },
  });
  await second.hang();
  expect(await sendAll(revocation, pod ? [pod] : [])).toEqual([204]);
  expect(await revocation.outcomes()).toEqual({ pending: 1, revoked: 1 });
  expect(await strict.fleet.records()).toHaveLength(1);
});

test('a sweep revokes the orphans of all others while it hangs', async () => {
  const strict = await openStrictFleet({ engine: second.mount });
  await deletedPods(strict, HUNG, onSecond);
  const well = await deletedPods(strict, WELL);
  await second.hang();
  const keys = { ...strict.keysOf('renewal'), maxRevokeFraction: 1 };
  const { report } = await sweepIn(AFTER_GRACE, strict.fleet, { keys });
  // Some were tried, the others left for the next one.
  expect([report.pending + report.stuck, report.revoked, report.failed]).toEqual([HUNG, WELL, 0]);
  expect(await wellLeft(strict, well)).toEqual([]);
});

test('a mount that is missing in the policy costs its own grants only: acknowledged, counted, named', async () => {
  // Made without the engine.
  const strict = await openStrictFleet({ keys: { tokenReference: 'accessor' } });
  const revocation = await startRevocation(strict.fleet, strict.keysOf('revocation'));
  const missing = await deletedPods(strict, 6, onSecond);
  const well = await deletedPods(strict, WELL);
  const statuses = await sendAll(revocation, [...missing, ...well]);
  expect(statuses).toEqual(statuses.map(() => 204));
  expect(await revocation.outcomes()).toEqual({ left_to_sweep: 6, revoked: WELL });
  expect(await wellLeft(strict, well)).toEqual([]);
  const told = (await revocation.log()).filter(({ outcome }) => outcome === 'left_to_sweep');
  expect(told.map(({ mount, pod, uuid, code }) => [mount, pod, uuid, code]).toSorted()).toEqual(
    missing.map(({ name, uuid }) => [second.mount, name, uuid, 'vault_denied']).toSorted(),
  );
  expect((await strict.fleet.records()).toSorted()).toEqual(missing.map(({ uuid }) => uuid).toSorted());
  await stack.vault.call('POST', `sys/leases/revoke-prefix/${second.mount}`);
});
