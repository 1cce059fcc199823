/** The ledger's records are lost, and its memory with them or not: no pod that lives loses its database by our doing. */
import { expect, test } from 'vitest';
import { openSurvivor } from '../support/after-restore.ts';
import { canLogIn, deletePod, toldOf, usersLeft } from '../support/fleet-state.ts';
import { AFTER_GRACE, HOUR, MINUTE } from '../support/sweeping.ts';

type Survivor = Awaited<ReturnType<typeof openSurvivor>>;

async function twoPods({ fleet, sweep }: Survivor) {
  const [stays, goes] = [await fleet.agedPod(await fleet.pod()), await fleet.agedPod(await fleet.pod())];
  await sweep(0);
  for (const uuid of await fleet.records()) await fleet.erase(uuid);
  return { stays, goes };
}

test('the records: grants are kept by memory, and revoked by it when their pods are gone', async () => {
  const survivor = await openSurvivor({ keys: { tokenReference: 'accessor' } });
  const { fleet, sweep, states, verdict } = survivor;
  const { stays, goes } = await twoPods(survivor);
  expect(await states()).toEqual({ [stays.name]: 'unknown', [goes.name]: 'unknown' });
  expect(await verdict()).toMatch(
    /^✗ grants of live pods: 2 of 2 live pods name grants that are not in the ledger, the renewal job keeps them by its memory: /,
  );
  const first = await sweep(AFTER_GRACE, { keys: { onLost: 'evict' } });
  expect([first.code, first.report.recordsLost, first.report.unknown, first.report.evicted]).toEqual([
    0, 2, 0, 0,
  ]);
  expect((await toldOf(stays)).map(({ reason }) => reason)).toEqual(['RecordLost']);
  await deletePod(goes);
  const second = await sweep(AFTER_GRACE);
  expect([second.code, second.report.orphaned, second.report.revoked]).toEqual([0, 1, 1]);
  expect(await usersLeft(fleet)).toEqual([stays.user]);
  const third = await sweep(HOUR * 0.7);
  expect([third.code, third.report.renewed, third.report.orphaned]).toEqual([0, 1, 0]);
  expect(await canLogIn(stays)).toBe(true);
});

test('the records, by whose policy no lease may be revoked: the grant is pending until it ends by itself', async () => {
  const withoutLeases = (policy: string) => policy.replace(/path "sys\/leases\/revoke" \{[\s\S]*?\n\}/, '');
  const survivor = await openSurvivor({ change: (_, policy) => withoutLeases(policy) });
  const { sweep } = survivor;
  const { stays, goes } = await twoPods(survivor);
  await sweep(AFTER_GRACE);
  await deletePod(goes);
  const { code, report, log } = await sweep(AFTER_GRACE);
  expect([code, report.orphaned, report.pending, report.stuck]).toEqual([0, 1, 1, 0]);
  expect(log).toContainEqual(
    expect.objectContaining({
      message: expect.stringContaining('nobody renews it, so it ends by itself'),
      uuid: goes.uuid,
    }),
  );
  expect(await canLogIn(stays)).toBe(true);
});

test('the memory as well: pods are told, none is evicted, and all can log in until their leases end', async () => {
  const survivor = await openSurvivor();
  const { fleet, sweep, states, verdict } = survivor;
  const { stays, goes } = await twoPods(survivor);
  await fleet.forgetMemory();
  expect(await verdict()).toMatch(
    /^✗ grants of live pods: 2 of 2 live pods name grants that are not in the ledger, nobody renews 2 of these: /,
  );
  for (const later of [AFTER_GRACE, AFTER_GRACE + 5 * MINUTE]) {
    const { code, report } = await sweep(later, { keys: { onLost: 'evict' } });
    expect([code, report.unknown, report.revoked, report.evicted, report.braked]).toEqual([3, 2, 0, 0, true]);
  }
  expect(await states()).toEqual({ [stays.name]: 'unknown', [goes.name]: 'unknown' });
  expect((await toldOf(stays)).map(({ reason }) => reason)).toEqual(['UnknownGrant']);
  expect(await Promise.all([stays, goes].map(canLogIn))).toEqual([true, true]);
});
