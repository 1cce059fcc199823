/** Vault is restored from a snapshot of before: it has forgotten what it issued since, and knows again what has ended. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { revocationStatements } from '../../../cli/setup/role-statements.ts';
import { query } from '../../stack/postgres.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { openSurvivor } from '../support/after-restore.ts';
import type { Given } from '../support/fleet.ts';
import { canLogIn, deletePod, toldOf, usersLeft } from '../support/fleet-state.ts';
import { forgottenUsers } from '../support/forgotten-users.ts';
import { createPod, environmentOf, podWith } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { backUpVault, restoreVault } from '../support/restores.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR } from '../support/sweeping.ts';

const forgiving = 'forgiving-rw';

describe('an hour is lost', () => {
  let survivor: Awaited<ReturnType<typeof openSurvivor>>;
  let [of, since, gone, stuck]: Given[] = [];
  const pods = () => {
    if (!of || !since || !gone || !stuck) throw new Error('no pods were made');
    return { of, since, gone, stuck };
  };

  beforeAll(async () => {
    await addAppRole(stack.vault, { name: forgiving, revocationStatements: revocationStatements('demo-rw') });
    survivor = await openSurvivor();
    const { fleet, sweep } = survivor;
    of = await fleet.agedPod(await fleet.pod());
    gone = await fleet.agedPod(await fleet.pod({ role: forgiving }));
    stuck = await fleet.agedPod(await fleet.pod());
    await sweep(0);
    const snapshot = await backUpVault();
    since = await fleet.agedPod(await fleet.pod());
    await Promise.all([deletePod(gone), deletePod(stuck)]);
    const before = await sweep(AFTER_GRACE);
    expect([before.report.live, before.report.revoked]).toEqual([2, 2]);
    await restoreVault(snapshot);
  });
  afterAll(async () => {
    for (const user of await usersLeft(survivor.fleet))
      await query(stack.description.databaseUrl, `DROP ROLE "${user}"`);
  });

  test('list and doctor name the pods whose grants Vault has forgotten', async () => {
    const { of, since, gone, stuck } = pods();
    expect(await survivor.states()).toEqual({
      [of.name]: 'ok',
      [since.name]: 'unknown',
      [gone.name]: 'orphaned',
      [stuck.name]: 'orphaned',
    });
    expect(await survivor.verdict()).toBe(
      '✗ grants of live pods: 1 of 2 live pods name grants that are not in the ledger, nobody renews 1 of these: team-infrastructure/POD',
    );
  });

  test('sweeps renew what Vault knows, take no user from a pod that it does not know, and tell it', async () => {
    const { of, since, gone, stuck } = pods();
    const { report, code, log } = await survivor.sweep(AFTER_GRACE);
    const { live, orphaned, revoked, pending, unknown, lost, evicted } = report;
    expect([code, live, orphaned, revoked, pending, unknown, lost, evicted]).toEqual([
      0, 1, 2, 1, 1, 1, 0, 0,
    ]);
    expect(log).toContainEqual(
      expect.objectContaining({
        message: 'a pod names a grant that the ledger does not know',
        uuid: since.uuid,
      }),
    );
    // Whose revocation statement takes a user for granted that was dropped before the restore.
    expect(log).toContainEqual(
      expect.objectContaining({
        message: expect.stringMatching(/cannot be dropped yet: .*role .* does not exist/),
        uuid: stuck.uuid,
      }),
    );
    expect(log).toContainEqual(
      expect.objectContaining({ message: 'orphaned grant revoked', uuid: gone.uuid }),
    );
    const later = await survivor.sweep(HOUR * 0.7);
    expect([later.code, later.report.renewed, later.report.unknown]).toEqual([0, 1, 1]);
    expect(await Promise.all([of, since].map(canLogIn))).toEqual([true, true]);
    expect([await toldOf(of), (await toldOf(since)).map(({ reason }) => reason)]).toEqual([
      [],
      ['UnknownGrant'],
    ]);
    expect((await survivor.fleet.records()).sort()).toEqual([of.uuid, stuck.uuid].sort());
  });

  test('the statement of docs/recovery.md finds the user that no Vault knows, once its time is over', async () => {
    const { of, since } = pods();
    const known = (await survivor.listed()).map(({ user }) => user);
    const found = async () => (await forgottenUsers(known)).filter(({ user }) => user === since.user);
    expect(known).toContain(of.user);
    expect(await found()).toEqual([{ user: since.user, ended: false }]);
    await query(stack.description.databaseUrl, `ALTER ROLE "${since.user}" VALID UNTIL '2020-01-01'`);
    expect(await found()).toEqual([{ user: since.user, ended: true }]);
  });
});

test('a sweep that runs meanwhile leaves no memory of renewals that Vault has forgotten', async () => {
  const { fleet, sweep } = await openSurvivor();
  const pod = await fleet.pod();
  await sweep(0);
  const snapshot = await backUpVault();
  // Of since, so that the memory has changed.
  await fleet.pod();
  await sweep(0);
  const during = await sweep(HOUR * 0.7, {
    parts: ({ sweeps }) => ({
      sweeps: {
        ...sweeps,
        writeIndex: async (...args) => {
          await restoreVault(snapshot);
          return sweeps.writeIndex(...args);
        },
      },
    }),
  });
  expect([during.code, during.report.renewed]).toEqual([1, 2]);
  expect(during.log).toContainEqual(
    expect.objectContaining({ message: 'its memory could not be written', code: 'memory_outdated' }),
  );
  // Minutes later: by the memory of the first it would not be due for half an hour.
  const next = await sweep(HOUR * 0.75);
  expect([next.code, next.report.due, next.report.renewed]).toEqual([0, 1, 1]);
  expect(await canLogIn(pod)).toBe(true);
});

test('a lease whose time is over by the snapshot is ended by Vault, and its pod told', async () => {
  const seconds = 10;
  await addAppRole(stack.vault, { name: 'brief-rw', defaultTtl: seconds });
  const { fleet, sweep } = await openSurvivor();
  const pod = await fleet.pod({ role: 'brief-rw' });
  const { LeaseId } = await fleet.record(pod.uuid);
  const snapshot = await backUpVault();
  await stack.vault.call('POST', 'sys/leases/renew', { lease_id: LeaseId, increment: 3_600 });
  const issuedAt = Date.now();
  await expect.poll(() => Date.now() - issuedAt, { timeout: 20_000 }).toBeGreaterThan(seconds * 1_000);
  expect(await canLogIn(pod)).toBe(true);
  await restoreVault(snapshot);
  await expect.poll(() => canLogIn(pod)).toBe(false);
  const { code, report } = await sweep(0);
  expect([code, report.lost]).toEqual([1, 1]);
  expect((await toldOf(pod)).map(({ reason }) => reason)).toEqual(['GrantLost']);
});

test('an admission function whose login Vault has forgotten logs in anew', async () => {
  await stack.control.scaleToZero('admission');
  const snapshot = await backUpVault();
  await createPod(podWith({ role: 'gule-rw' }));
  const starts = await stack.control.starts('admission');
  await restoreVault(snapshot);
  const { DBUSER = '', DBPASSWORD = '' } = environmentOf(await createPod(podWith({ role: 'gule-rw' })));
  expect((await whoAmI(databaseUri(DBUSER, DBPASSWORD))).loggedInAs).toBe(DBUSER);
  expect(await stack.control.starts('admission')).toBe(starts);
});
