/** What went wrong elsewhere is found: pods without credentials that work, and nobody else knows it. */

import { v7 as newUuid } from 'uuid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { changePod, expectOrder, podsOf, toldOf, usersLeft } from '../support/fleet-state.ts';
import { createPod, podWith } from '../support/pods.ts';
import { exampleNamespace, stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR, MINUTE, sweepIn } from '../support/sweeping.ts';

const LATER = HOUR * 0.7;
const evicting = { onLost: 'evict' };

let fleet: Fleet;
let lost: Given[];
beforeEach(async () => {
  fleet = await openFleet();
  lost = [];
});
afterEach(() => expectOrder(fleet, lost));

const names = async () => (await podsOf(fleet)).map(({ metadata }) => metadata.name);

describe("a live pod's grant that somebody else has ended", () => {
  async function lose(what: 'lease' | 'token'): Promise<Given> {
    const pod = await fleet.pod();
    lost.push(pod);
    const { LeaseId: lease_id, TokenId: token } = await fleet.record(pod.uuid);
    if (what === 'lease') await stack.vault.call('POST', 'sys/leases/revoke', { lease_id, sync: true });
    else await stack.vault.call('POST', 'auth/token/revoke', { token });
    return pod;
  }

  test.each(['lease', 'token'] as const)(
    'by its %s: told in log, metric and on the pod; the others go on',
    async (what) => {
      const [kept, gone] = [await fleet.pod(), await lose(what)];
      const { report, code, log, metrics } = await sweepIn(LATER, fleet);
      expect([code, report.live, report.renewed, report.lost, report.evicted]).toEqual([1, 2, 1, 1, 0]);
      expect(log).toContainEqual({
        level: 'error',
        message: "a live pod's grant is lost",
        code: 'grant_lost',
        uuid: gone.uuid,
        namespace: gone.namespace,
        pod: gone.name,
      });
      expect(metrics['renew_lease_count_error{namespace="team-infrastructure"}']).toBe(1);
      expect(await toldOf(gone)).toEqual([
        { reason: 'GrantLost', message: expect.stringContaining(`grant ${gone.uuid}) do not work any more`) },
      ]);
      expect(await toldOf(kept)).toEqual([]);

      // Told once, however often it is seen.
      expect((await sweepIn(LATER + 5 * MINUTE, fleet)).report.lost).toBe(1);
      expect(await toldOf(gone)).toHaveLength(1);
      expect(await fleet.records()).toHaveLength(2);
    },
  );

  test('evicts the pod where the configuration says so: its successor gets fresh ones', async () => {
    const [kept, gone] = [await fleet.pod(), await lose('lease')];
    const { report } = await sweepIn(LATER, fleet, { keys: evicting });
    expect([report.lost, report.evicted]).toEqual([1, 1]);
    expect(await names()).toEqual([kept.name]);
    expect((await sweepIn(LATER, fleet)).code).toBe(0);
    expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[kept.uuid], [kept.user]]);
    expect(gone.name).not.toBe(kept.name);
  });
});

describe('a labelled pod', () => {
  const bare = () => podWith({ role: 'gule-rw' }, { labels: { [fleet.label]: 'true' } });

  test('without a grant, since it was created while the injector was away: told, and evicted if wished', async () => {
    const pod = await createPod(bare());
    const { report, code, log } = await sweepIn(0, fleet);
    expect([code, report.withoutGrant, report.evicted]).toEqual([0, 1, 0]);
    expect(log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'a pod with the label has no grant',
        pod: pod.metadata.name,
      }),
    );
    const told = await toldOf({ namespace: exampleNamespace, name: pod.metadata.name });
    expect(told.map(({ reason }) => reason)).toEqual(['NoCredentials']);
    expect((await sweepIn(0, fleet, { keys: evicting })).report.evicted).toBe(1);
    expect(await names()).toEqual([]);
  });

  test('with a grant that the ledger does not know: told, and evicted if wished', async () => {
    const pod = await fleet.pod();
    lost.push(pod);
    const uuid = newUuid();
    await changePod(pod, ({ annotations }) => ({
      annotations: { ...annotations, 'db-creds-injector.numberly.io/uuid': `${pod.uuid},${uuid}` },
    }));
    const { report, log } = await sweepIn(AFTER_GRACE, fleet);
    expect([report.live, report.unknown, report.evicted]).toEqual([1, 1, 0]);
    expect(log).toContainEqual({
      level: 'warn',
      message: 'a pod names a grant that the ledger does not know',
      uuid,
      namespace: pod.namespace,
      pod: pod.name,
    });
    expect((await toldOf(pod)).map(({ reason }) => reason)).toEqual(['UnknownGrant']);
    expect((await sweepIn(AFTER_GRACE, fleet, { keys: evicting })).report.evicted).toBe(1);
    expect(await names()).toEqual([]);
  });
});
