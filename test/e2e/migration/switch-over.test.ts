/** One injector after the other: what the one has begun the other one goes on with, forth and back. */
import { beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../stack/wait.ts';
import { lookUpToken, readLease } from '../support/census.ts';
import type { Given } from '../support/fleet.ts';
import { canLogIn, changePod, deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { startSource } from '../support/revoking.ts';
import { AFTER_GRACE, HOUR, MINUTE } from '../support/sweeping.ts';
import { type Both, openBoth } from './both.ts';

const LATER = 11 * MINUTE;
let both: Both;

beforeEach(async () => {
  both = await openBoth();
});

async function periodLeft({ uuid }: Given): Promise<number> {
  const { TokenId } = await both.fleet.record(uuid);
  return (await lookUpToken(TokenId))?.ttl ?? 0;
}
const leaseLeft = async ({ uuid }: Given) => (await readLease((await both.fleet.record(uuid)).LeaseId)).ttl;

describe('switched over: theirs is stopped', () => {
  test('its pods are renewed by our sweeps', async () => {
    const { fleet, theirs, sweep } = both;
    const pods = [await theirs.pod(), await theirs.pod({ generateName: 'replica-' })];
    await theirs.sweep();
    // Later than half of a token's period, so that tokens are due as well.
    for (const later of [0, 17 * 24 * HOUR]) {
      const { code, report } = await sweep(later);
      expect([code, report]).toEqual([
        0,
        expect.objectContaining({ live: 2, due: 2, renewed: 2, orphaned: 0, lost: 0 }),
      ]);
    }
    for (const pod of pods) {
      expect(await periodLeft(pod)).toBeGreaterThan(767 * 3_600);
      expect(await leaseLeft(pod)).toBeGreaterThan(3_500);
    }
    await expectOrder(fleet);
  });

  test('its pods that are deleted are revoked, by the event and by the sweep', async () => {
    const { fleet, theirs, sweep } = both;
    const revocation = await both.startRevocation();
    const source = await startSource(fleet, revocation.url);
    const watched = await theirs.pod();
    await until('an event comes', async () => {
      await changePod(watched, ({ annotations }) => ({
        annotations: { ...annotations, at: `${Date.now()}` },
      }));
      const { ignored = 0 } = await revocation.outcomes();
      return ignored > 0;
    });
    // Records with the pods' names, which their renewer writes, and without.
    const told = [await theirs.pod(), await theirs.pod({ generateName: 'replica-' })];
    await theirs.sweep();
    told.push(await theirs.pod(), await theirs.pod({ generateName: 'replica-' }));
    await Promise.all(told.map(deletePod));
    await until('all are revoked', async () => (await revocation.outcomes())['revoked'] === told.length);
    expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[watched.uuid], [watched.user]]);
    await Promise.all([source.stop(), revocation.stop()]);

    const untold = [await theirs.pod(), await theirs.pod({ generateName: 'replica-' })];
    await Promise.all(untold.map(deletePod));
    const { code, report } = await sweep(AFTER_GRACE);
    expect([code, report]).toEqual([0, expect.objectContaining({ live: 1, orphaned: 2, revoked: 2 })]);
    expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[watched.uuid], [watched.user]]);
    await expectOrder(fleet);
  });
});

describe('rolled back: ours is stopped', () => {
  test('our pods are renewed by its renewer', async () => {
    const { fleet, theirs, sweep } = both;
    const pods = [await fleet.pod(), await fleet.pod({ generateName: 'replica-' })];
    await sweep(0);
    await theirs.sweep();
    await theirs.sweep({ later: HOUR });
    for (const pod of pods) {
      expect(await periodLeft(pod)).toBeGreaterThan(767 * 3_600);
      expect(await leaseLeft(pod)).toBeGreaterThan(4 * 24 * 3_600);
    }
    await expectOrder(fleet);
  });

  test('our pods that are deleted are revoked by its revoker, and their records deleted by its renewer', async () => {
    const { fleet, theirs } = both;
    const [kept, told, untold] = [await fleet.pod(), await fleet.pod(), await fleet.pod()];
    await theirs.sweep();
    for (const pod of [told, untold]) await deletePod(pod);
    await theirs.deleted(told);
    await until('its user is gone', async () => !(await usersLeft(fleet)).includes(told.user));
    expect(await canLogIn(untold)).toBe(true);
    await theirs.sweep({ later: LATER });
    expect(await fleet.records()).toEqual([kept.uuid]);
    await until('the other one too', async () => !(await usersLeft(fleet)).includes(untold.user));
    expect(await usersLeft(fleet)).toEqual([kept.user]);
  });

  test('and forth again: ours goes on with what both have left', async () => {
    const { fleet, theirs, sweep } = both;
    const pods = [await fleet.pod(), await theirs.pod()];
    await sweep(0);
    await theirs.sweep();
    pods.push(await theirs.pod());
    const gone = await fleet.pod();
    await deletePod(gone);
    await theirs.deleted(gone);
    const { code, report } = await sweep(HOUR);
    expect([code, report]).toEqual([
      0,
      expect.objectContaining({ live: 3, revoked: 1, lost: 0, unknown: 0 }),
    ]);
    expect((await fleet.records()).sort()).toEqual(pods.map(({ uuid }) => uuid).sort());
    await expectOrder(fleet);
  });
});
