/** Revoked means proved revoked: a database user that cannot be dropped is not forgotten. */
import { beforeAll, describe, expect, test } from 'vitest';
import { query } from '../../stack/postgres.ts';
import { addAppRole, addPolicy } from '../../stack/vault/roles.ts';
import { lookUpToken } from '../support/census.ts';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { databaseUri } from '../support/postgres.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

// Acts as itself, so that what it makes is its own, and stands in the way of dropping it.
const creationStatements = [
  `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE "demo-rw";`,
];
beforeAll(async () => {
  await addAppRole(stack.vault, { name: 'owner-rw', creationStatements });
  await addAppRole(stack.vault, { name: 'bare-rw', creationStatements });
  await addPolicy(stack.vault, 'bare-rw', 'path "pgsql2-dv/creds/bare-rw" { capabilities = ["read"] }');
});

const tableOf = ({ uuid }: Given) => `"table of ${uuid}"`;
const createTable = (pod: Given) =>
  query(databaseUri(pod.user, pod.password), `CREATE TABLE ${tableOf(pod)} (id int)`);
const dropTable = (pod: Given) => query(stack.description.databaseUrl, `DROP TABLE ${tableOf(pod)}`);

async function podThatLeavesATable(fleet: Fleet, role: string) {
  const pod = await fleet.pod({ role });
  const { TokenId } = await fleet.record(pod.uuid);
  await createTable(pod);
  await deletePod(pod);
  return { pod, token: TokenId };
}

describe.each([
  [
    "where the pod's token may revoke its lease",
    'owner-rw',
    /cannot be dropped because some objects depend on it/,
  ],
  ['where it may not', 'bare-rw', /the lease is still there after its token was revoked/],
])('a database user that owns a table, %s,', (_, role, reason) => {
  test('is kept in the ledger by sweep after sweep, until it can be dropped', async () => {
    const fleet = await openFleet();
    const { pod, token } = await podThatLeavesATable(fleet, role);
    const [other] = await fleet.orphans(1);

    const first = await sweepIn(AFTER_GRACE, fleet);
    expect([first.code, first.report.revoked, first.report.pending]).toEqual([0, 1, 1]);
    expect(await lookUpToken(token)).toBeUndefined();
    expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[pod.uuid], [pod.user]]);
    expect(await fleet.record(pod.uuid)).toMatchObject({
      UserName: pod.user,
      RevokingSince: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/),
    });
    expect(first.log.map(({ uuid, message }) => [uuid, message])).toEqual(
      expect.arrayContaining([
        [other?.uuid, 'orphaned grant revoked'],
        [pod.uuid, expect.stringMatching(reason)],
      ]),
    );
    expect(first.metrics).toMatchObject({ pod_cleanup_count_error: 1, pod_cleanup_count_success: 0 });
    const since = (await fleet.record(pod.uuid))['RevokingSince'];

    const second = await sweepIn(AFTER_GRACE, fleet);
    expect([second.code, second.report.revoked, second.report.pending]).toEqual([0, 0, 1]);
    expect((await fleet.record(pod.uuid))['RevokingSince']).toBe(since);

    await dropTable(pod);
    // Vault tries again by itself, later and later; here it is told to.
    await stack.vault.call('POST', 'sys/leases/revoke', {
      lease_id: (await fleet.record(pod.uuid)).LeaseId,
      sync: true,
    });
    const third = await sweepIn(AFTER_GRACE, fleet);
    expect([third.code, third.report.revoked, third.report.pending]).toEqual([0, 1, 0]);
    expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[], []]);
    await expectOrder(fleet);
  });

  test('is kept by the revocation function, too: it has done what it can, and the sweep goes on with it', async () => {
    const fleet = await openFleet();
    const revocation = await startRevocation(fleet);
    const { pod, token } = await podThatLeavesATable(fleet, role);
    expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    expect(await revocation.outcomes()).toEqual({ pending: 1 });
    expect(await lookUpToken(token)).toBeUndefined();
    expect(await fleet.records()).toEqual([pod.uuid]);
    expect((await sweepIn(AFTER_GRACE, fleet)).report.pending).toBe(1);
    await dropTable(pod);
    await expectOrder(fleet);
  });
});

test('a grant whose own token may not revoke its lease is revoked by the proof that the lease is gone', async () => {
  const fleet = await openFleet();
  const revocation = await startRevocation(fleet);
  const pods = await fleet.pods(2, { role: 'bare-rw' });
  for (const pod of pods) {
    await deletePod(pod);
    expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
  }
  expect(await revocation.outcomes()).toEqual({ revoked: 2 });
  expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[], []]);
});
