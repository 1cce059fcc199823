/** What sweeps and the rest of the cluster have to do with one another. */
import { expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { openFleet } from '../support/fleet.ts';
import { expectOrder, usersLeft } from '../support/fleet-state.ts';
import { podWith, tryCreatePod } from '../support/pods.ts';
import { createNamespaceWithout } from '../support/quotas.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, MINUTE, sweepIn } from '../support/sweeping.ts';

test('a ResourceQuota rejects 100 pods after their admission: when they had their time, nothing of them is left', async () => {
  const namespace = 'crowded';
  await addAppRole(stack.vault, { name: 'anywhere', namespaces: ['*'] });
  const anyPod = () => tryCreatePod(podWith({}, { namespace, labels: {} }));
  await createNamespaceWithout(namespace, 'pods', async () => (await anyPod()).refusal);

  const fleet = await openFleet();
  // Fewer would make the hundred more than half of all grants: the sweep would not believe it.
  const living = await fleet.pods(100);
  const admitted = await Promise.all(
    Array.from({ length: 100 }, () => fleet.admission({ namespace, role: 'anywhere' })),
  );
  const refusals = await Promise.all(admitted.map(({ manifest }) => tryCreatePod(manifest)));
  expect(refusals.filter(({ refusal }) => refusal?.includes('exceeded quota'))).toHaveLength(100);
  expect(await usersLeft(fleet)).toHaveLength(200);

  expect((await sweepIn(0, fleet)).report).toMatchObject({ orphaned: 0, revoked: 0, braked: false });
  expect(await fleet.records()).toHaveLength(200);
  const { code, report } = await sweepIn(AFTER_GRACE, fleet);
  expect([code, report.live, report.revoked]).toEqual([0, 100, 100]);
  expect((await fleet.records()).sort()).toEqual(living.map(({ uuid }) => uuid).sort());
  expect((await usersLeft(fleet)).sort()).toEqual(living.map(({ user }) => user).sort());
});

test('admissions warn once the last good sweep is older than half of the shortest lease, and not before', async () => {
  const fleet = await openFleet();
  await fleet.pod();
  const warningsAfter = async (ago: number) => {
    expect((await sweepIn(-ago, fleet)).code).toBe(0);
    const admission = await startAdmission(await startFaultProxy(), { overrides: { ...fleet.keys } });
    const pod = podWith({ role: 'gule-rw' }, { labels: { [fleet.label]: 'true' } });
    return (await ask(admission, reviewOf(pod))).warnings;
  };
  expect(await warningsAfter(29 * MINUTE)).toEqual([]);
  expect(await warningsAfter(31 * MINUTE)).toEqual([
    expect.stringMatching(/^the renewal job has not succeeded for \d+ s: credentials will expire/),
  ]);
  await expectOrder(fleet);
});
