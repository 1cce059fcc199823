/** What a sweep does not know for certain, it does not revoke. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR, sweepIn } from '../support/sweeping.ts';

const BINDING = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/vault-db-injector-renewal';
const MANY = 21;

let fleet: Fleet;
beforeEach(async () => {
  fleet = await openFleet();
});
afterEach(() => expectOrder(fleet));

/** A live pod that is due, and an orphaned grant. */
async function oneOfEach() {
  await fleet.pod();
  await fleet.orphans(1);
}

describe('a list that failed', () => {
  test('of pods, since the API server does not allow it: all grants are renewed, none is revoked', async () => {
    await oneOfEach();
    const binding = await stack.kubernetes.call('GET', BINDING);
    await stack.kubernetes.call('DELETE', BINDING);
    try {
      await expect.poll(async () => (await sweepIn(0, fleet)).code, { timeout: 10_000 }).toBe(1);
      const { report, code, log, metrics } = await sweepIn(HOUR * 0.7, fleet);
      expect([code, report.live, report.renewed, report.revoked]).toEqual([1, 2, 2, 0]);
      expect(log.map(({ message, code: error }) => [message, error])).toContainEqual([
        'the pods could not be listed',
        'kubernetes_denied',
      ]);
      expect(metrics['fetch_pods_error_count']).toBe(1);
    } finally {
      const { metadata: _, ...rest } = Object.assign({ metadata: {} }, binding);
      await stack.kubernetes.call('POST', BINDING.replace(/\/[^/]+$/, ''), {
        ...rest,
        metadata: { name: 'vault-db-injector-renewal' },
      });
    }
    await expect.poll(async () => (await sweepIn(HOUR * 0.7, fleet)).code, { timeout: 10_000 }).toBe(0);
    expect(await fleet.records()).toHaveLength(1);
  });

  test('of pods, since the API server does not answer: it is not waited for at the cost of the renewals', async () => {
    await oneOfEach();
    // It halts when the sweep has its login: Vault asks the API server for it, too.
    const halting = (call: () => Promise<string>) =>
      stack.control.signal('kube-apiserver', 'SIGSTOP').then(call);
    const swept = sweepIn(HOUR * 0.7, fleet, {
      parts: ({ readClusterUid }) => ({ readClusterUid: (within) => halting(() => readClusterUid(within)) }),
      within: 2_000,
    });
    const { report, code } = await swept.finally(() => stack.control.signal('kube-apiserver', 'SIGCONT'));
    expect([code, report.live, report.renewed, report.revoked]).toEqual([1, 2, 2, 0]);
    expect(await fleet.records()).toHaveLength(2);
    await expect.poll(async () => (await sweepIn(AFTER_GRACE, fleet)).code, { timeout: 10_000 }).toBe(0);
  });

  test('of grants: what live pods name is renewed, nothing is revoked', async () => {
    await oneOfEach();
    const proxy = await startFaultProxy();
    proxy.fail('ledger list', answering(403, '{"errors":["permission denied"]}'), 2);
    const { report, code, log } = await sweepIn(HOUR * 0.7, fleet, { keys: { vaultAddress: proxy.url } });
    expect([code, report.live, report.renewed, report.revoked]).toEqual([1, 1, 1, 0]);
    expect(log.map(({ message }) => message)).toContain('the ledger could not be listed');
    expect(await fleet.records()).toHaveLength(2);
  });
});

describe('an empty cluster', () => {
  test('with a few grants left: they are revoked', async () => {
    await fleet.orphans(MANY - 1);
    const { report, code } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.revoked]).toEqual([0, MANY - 1]);
    expect([await usersLeft(fleet), await fleet.records()]).toEqual([[], []]);
  });

  test('with many left: the sweep stops before the first, says so, and goes through with it when told to', async () => {
    const pods = await fleet.pods(MANY);
    await sweepIn(0, fleet);
    await Promise.all(pods.map(deletePod));
    const { report, code, log, metrics } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.braked, report.orphaned, report.revoked]).toEqual([3, true, MANY, 0]);
    expect(await usersLeft(fleet)).toHaveLength(MANY);
    expect(await fleet.records()).toHaveLength(MANY);
    expect(log.map(({ message }) => message)).toEqual([
      '21 of 21 grants have no pod: nothing is revoked, since a wrong cluster, prefix or label is more likely; set maxRevokeFraction: 1 to do it anyway',
    ]);
    expect(metrics['pod_cleanup_count_success']).toBe(0);

    const told = await sweepIn(AFTER_GRACE, fleet, { keys: { maxRevokeFraction: 1 } });
    expect([told.code, told.report.braked, told.report.revoked]).toEqual([0, false, MANY]);
    expect([await usersLeft(fleet), await fleet.records()]).toEqual([[], []]);
  });

  test('with many left that never had a pod: they are left to end with their leases, and hold nothing up', async () => {
    const [pod, gone] = [await fleet.pod(), await fleet.pod()];
    await sweepIn(0, fleet);
    await deletePod(gone);
    await fleet.orphans(MANY);
    const { report, code } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.braked, report.orphaned, report.revoked]).toEqual([0, false, MANY + 1, 1]);
    expect(report.neverBorn).toBe(MANY);
    expect(await usersLeft(fleet)).toEqual(expect.arrayContaining([pod.user]));

    const told = await sweepIn(AFTER_GRACE, fleet, { keys: { maxRevokeFraction: 1 } });
    expect([told.code, told.report.revoked, told.report.neverBorn]).toEqual([0, MANY, 0]);
    expect(await usersLeft(fleet)).toEqual([pod.user]);
  });

  test('only by the looks of it, since the label was renamed: all grants are kept', async () => {
    const pods = await fleet.pods(MANY);
    const renamed = await sweepIn(AFTER_GRACE, fleet, { keys: { injectorLabel: 'renamed' } });
    expect([renamed.code, renamed.report.revoked]).toEqual([0, 0]);
    expect(await usersLeft(fleet)).toHaveLength(pods.length);
  });

  test('of which half lives on: it is only revoked what has no pod', async () => {
    await fleet.pods(MANY);
    await fleet.orphans(MANY);
    const { report, code } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.braked, report.live, report.revoked]).toEqual([0, false, MANY, MANY]);
  });
});

describe('another cluster under the same prefix', () => {
  test('by its name in the records: they are never touched, and reported', async () => {
    const [ours, theirs] = [
      await openFleet({ ...fleet.keys, clusterId: 'ours' }),
      await openFleet({ ...fleet.keys, clusterId: 'theirs' }),
    ];
    await Promise.all([ours.orphans(1), theirs.orphans(2)]);
    const { report, code, log } = await sweepIn(AFTER_GRACE, ours);
    expect([code, report.revoked, report.foreign]).toEqual([0, 1, 2]);
    expect(await fleet.records()).toHaveLength(2);
    expect(await usersLeft(theirs)).toHaveLength(2);
    expect(log.map(({ message }) => message)).toContain(
      "2 grants under this prefix are another cluster's: they are left alone",
    );
    const again = await sweepIn(AFTER_GRACE, ours);
    expect([again.code, again.report.foreign]).toEqual([0, 2]);
  });

  test('by its memory beside the ledger: nothing is revoked until somebody says that it is right', async () => {
    await oneOfEach();
    const another = { parts: () => ({ readClusterUid: async () => 'another-uid' }) };
    expect((await sweepIn(0, fleet, another)).code).toBe(0);
    const { report, code, log } = await sweepIn(HOUR * 0.7, fleet);
    // Not revoked, so not given up either: the grant without a pod is kept alive with the other.
    expect([code, report.renewed, report.revoked]).toEqual([1, 2, 0]);
    expect(log.map(({ message }) => message)).toContainEqual(
      expect.stringContaining(
        'nothing is revoked: another cluster (another-uid) sweeps under this vaultSecretPrefix',
      ),
    );
    // Which was first, and had nothing to wonder about until it was told.
    const first = await sweepIn(HOUR * 0.7, fleet, another);
    expect([first.code, first.report.revoked]).toEqual([1, 0]);
    expect(first.log.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^nothing is revoked: another cluster \((?!another-uid)[\w-]+\) sweeps/),
    );
    const told = await sweepIn(HOUR * 0.7, fleet, { keys: { maxRevokeFraction: 1 } });
    expect([told.code, told.report.revoked]).toEqual([0, 1]);
    expect((await sweepIn(HOUR * 0.7, fleet)).code).toBe(0);
  });

  test('that has no name: what names no cluster is kept, as ours is that was before we had one', async () => {
    await oneOfEach();
    const nameless = { parts: () => ({ readClusterUid: async () => 'another-uid' }) };
    expect((await sweepIn(0, fleet, nameless)).code).toBe(0);
    const named = { clusterId: 'ours' };
    const { report, code, log } = await sweepIn(HOUR * 0.7, fleet, { keys: named });
    expect([code, report.renewed, report.revoked]).toEqual([0, 2, 0]);
    expect(log.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('1 grants name no cluster'),
    );
    // The memory is our own, from an earlier sweep.
    const own = await sweepIn(HOUR * 0.7, fleet, { ...nameless, keys: named });
    expect([own.code, own.report.revoked]).toEqual([0, 1]);
  });
});
