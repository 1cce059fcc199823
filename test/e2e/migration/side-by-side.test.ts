/** Both injectors sweep and revoke at the same time, over the same ledger: nothing is lost, nothing is revoked wrongly. */
import { beforeEach, describe, expect, test } from 'vitest';
import { query } from '../../stack/postgres.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { lookUpToken, readLease } from '../support/census.ts';
import type { Given } from '../support/fleet.ts';
import { canLogIn, deletePod, expectOrder, setStatus, usersLeft } from '../support/fleet-state.ts';
import { databaseUri } from '../support/postgres.ts';
import { dataOf, send } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, MINUTE } from '../support/sweeping.ts';
import { type Both, openBoth } from './both.ts';

/** Later than both grace periods, ours of two minutes and theirs of ten. */
const LATER = 11 * MINUTE;
const NOTHING_WRONG = { failed: 0, lost: 0, pending: 0, unknown: 0, unreadable: 0, braked: false };
let both: Both;

beforeEach(async () => {
  both = await openBoth();
});

const uuids = (pods: readonly Given[]) => pods.map(({ uuid }) => uuid).sort();
const records = async () => (await both.fleet.records()).sort();

async function podsOfBoth(): Promise<Given[]> {
  const { fleet, theirs } = both;
  const replica = { generateName: 'replica-' };
  return Promise.all([fleet.pod(), fleet.pod(replica), fleet.pod(), theirs.pod(), theirs.pod(replica)]);
}

describe('live pods of both', () => {
  test('keep their credentials, whoever sweeps, and however often', async () => {
    const { fleet, theirs, sweep } = both;
    const pods = await podsOfBoth();
    for (let minutes = 0; minutes <= 120; minutes += 20) {
      const { code, report } = await sweep(minutes * MINUTE);
      expect([code, report]).toEqual([
        0,
        expect.objectContaining({ ...NOTHING_WRONG, live: 5, orphaned: 0 }),
      ]);
      await theirs.sweep({ later: minutes * MINUTE });
    }
    expect(await records()).toEqual(uuids(pods));
    expect(await Promise.all(pods.map(canLogIn))).toEqual(pods.map(() => true));
    await expectOrder(fleet);
  });

  test('of theirs are renewed by the first sweep of ours: nobody knows when they were', async () => {
    const { theirs, sweep } = both;
    const pod = await theirs.pod();
    await theirs.sweep();
    const leaseId = (await theirs.record(pod.uuid))?.LeaseId ?? '';
    expect((await readLease(leaseId)).ttl).toBeGreaterThan(4 * 86_400);
    expect((await sweep(0)).report).toMatchObject({ live: 1, due: 1, renewed: 1 });
    expect((await readLease(leaseId)).ttl).toBeLessThanOrEqual(3_600);
    expect((await sweep(5 * MINUTE)).report).toMatchObject({ live: 1, due: 0 });
  });

  test('of ours lose what their records have beyond six fields, and nothing by it', async () => {
    const { fleet, theirs, sweep } = both;
    const pod = await fleet.pod({ generateName: 'replica-' });
    expect(await fleet.record(pod.uuid)).toMatchObject({ PodName: '', NodeName: '', LeaseTtlSeconds: 3_600 });
    await theirs.sweep();
    const record = await fleet.record(pod.uuid);
    expect(Object.keys(record).sort()).toEqual(
      ['LeaseId', 'Namespace', 'NodeName', 'PodName', 'ServiceAccountName', 'TokenId'].sort(),
    );
    expect(record['PodName']).toBe(pod.name);
    expect((await sweep(0)).report).toMatchObject({ ...NOTHING_WRONG, live: 1 });
    await fleet.forgetMemory();
    expect((await sweep(5 * MINUTE)).report).toMatchObject({ ...NOTHING_WRONG, live: 1, renewed: 1 });
    expect(await canLogIn(pod)).toBe(true);
  });
});

describe('a pod that is deleted', () => {
  const orders: readonly [
    string,
    (ours: () => Promise<unknown>, theirs: () => Promise<unknown>) => unknown,
  ][] = [
    ['ours first', async (ours, theirs) => [await ours(), await theirs()]],
    ['theirs first', async (ours, theirs) => [await theirs(), await ours()]],
    ['both at once', (ours, theirs) => Promise.all([ours(), theirs()])],
  ];

  test.each(orders)('is revoked by two revokers, %s', async (_, run) => {
    const { fleet, theirs } = both;
    const revocation = await both.startRevocation();
    const [kept, ...gone] = await podsOfBoth();
    // Also once their renewer has written the pods' names into the records.
    await theirs.sweep();
    gone.push(await fleet.pod(), await theirs.pod());
    for (const pod of gone) {
      await deletePod(pod);
      await run(
        async () => expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204),
        () => theirs.deleted(pod),
      );
    }
    // One that both drop at the same moment may be left to the sweep.
    const { revoked = 0, pending = 0, ...others } = await revocation.outcomes();
    expect([revoked + pending, others]).toEqual([gone.length, {}]);
    if (pending > 0) expect((await both.sweep(AFTER_GRACE)).report.revoked).toBe(pending);
    expect([await records(), await usersLeft(fleet)]).toEqual([[kept?.uuid], [kept?.user]]);
    await revocation.stop();
    await expectOrder(fleet);
  });

  test('is revoked by their revoker while ours is away: our sweep deletes the record', async () => {
    const { fleet, theirs, sweep } = both;
    const gone = [await fleet.pod(), await theirs.pod()];
    for (const pod of gone) {
      await deletePod(pod);
      await theirs.deleted(pod);
    }
    expect(await records()).toEqual(uuids(gone));
    expect((await sweep(AFTER_GRACE)).report).toMatchObject({ ...NOTHING_WRONG, orphaned: 2, revoked: 2 });
    expect([await records(), await usersLeft(fleet)]).toEqual([[], []]);
  });

  test('while their renewer is at it, whose record is then written again: the next sweep deletes it', async () => {
    const { fleet, theirs, sweep } = both;
    const revocation = await both.startRevocation();
    await theirs.pod();
    const pod = await fleet.pod();
    await theirs.sweep({
      meanwhile: async () => {
        await deletePod(pod);
        await send(revocation, { data: dataOf(pod) });
        expect(await fleet.records()).not.toContain(pod.uuid);
      },
    });
    expect(await fleet.records()).toContain(pod.uuid);
    expect(await usersLeft(fleet)).not.toContain(pod.user);
    const { code, report } = await sweep(AFTER_GRACE);
    expect([code, report]).toEqual([0, expect.objectContaining({ ...NOTHING_WRONG, live: 1, revoked: 1 })]);
    expect(await fleet.records()).not.toContain(pod.uuid);
    await revocation.stop();
  });
});

describe('grants without a pod', () => {
  async function orphans(): Promise<Given[]> {
    const { fleet, theirs } = both;
    const pods = await Promise.all([...Array(5)].flatMap(() => [fleet.pod(), theirs.pod()]));
    await Promise.all(pods.map(deletePod));
    return pods;
  }

  test('are revoked by both sweeps at the same moment, and those of live pods are kept', async () => {
    const { fleet, theirs, sweep } = both;
    const live = await podsOfBoth();
    await orphans();
    await Promise.all([sweep(LATER), theirs.sweep({ later: LATER })]);
    // What one of them read before the other one was done is looked at again.
    const { code, report } = await sweep(LATER + 5 * MINUTE);
    expect([code, report]).toEqual([0, expect.objectContaining({ ...NOTHING_WRONG, live: 5 })]);
    expect(await records()).toEqual(uuids(live));
    expect((await usersLeft(fleet)).sort()).toEqual(live.map(({ user }) => user).sort());
    await expectOrder(fleet);
  });

  test('are left alone while they are young: ours two minutes, theirs ten', async () => {
    const { theirs, sweep } = both;
    await podsOfBoth();
    const gone = await orphans();
    await theirs.sweep({ later: 9 * MINUTE });
    expect((await sweep(MINUTE)).report).toMatchObject({ orphaned: 0 });
    expect(await records()).toHaveLength(15);
    expect((await sweep(AFTER_GRACE)).report).toMatchObject({ ...NOTHING_WRONG, revoked: gone.length });
    expect(await records()).toHaveLength(5);
  });
});

test('a pod that has ended is kept alive by theirs, and ends with the next sweep of ours', async () => {
  const { fleet, theirs, sweep } = both;
  const [kept, ended] = [await theirs.pod(), await theirs.pod()];
  await setStatus(ended, { phase: 'Succeeded' });
  await theirs.sweep({ later: LATER });
  expect(await canLogIn(ended)).toBe(true);
  expect((await sweep(AFTER_GRACE)).report).toMatchObject({ ...NOTHING_WRONG, live: 1, revoked: 1 });
  expect(await usersLeft(fleet)).toEqual([kept.user]);
  await theirs.sweep({ later: LATER });
  expect(await fleet.records()).toEqual([kept.uuid]);
});

test('a database user that cannot be dropped is forgotten by theirs: Vault alone goes on with it', async () => {
  const { fleet, theirs, sweep } = both;
  const creationStatements = [
    `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE "demo-rw";`,
  ];
  await addAppRole(stack.vault, { name: 'owner-rw', creationStatements });
  const [kept, stuck] = [await fleet.pod(), await fleet.pod({ role: 'owner-rw' })];
  const { TokenId, LeaseId } = await fleet.record(stuck.uuid);
  await query(databaseUri(stuck.user, stuck.password), `CREATE TABLE "of ${stuck.uuid}" (id int)`);
  await deletePod(stuck);
  expect((await sweep(AFTER_GRACE)).report).toMatchObject({ pending: 1 });
  expect(await fleet.record(stuck.uuid)).toHaveProperty('RevokingSince');
  await theirs.sweep({ later: LATER });
  expect(await fleet.records()).toEqual([kept.uuid]);
  expect([await lookUpToken(TokenId), await usersLeft(fleet)]).toEqual([undefined, [kept.user, stuck.user]]);
  await query(stack.description.databaseUrl, `DROP TABLE "of ${stuck.uuid}"`);
  await stack.vault.call('POST', 'sys/leases/revoke', { lease_id: LeaseId, sync: true });
});
