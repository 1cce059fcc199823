/** Grants whose pods are gone: revoked with their records, and nobody else's. */
import { v1, v4 } from 'uuid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { lookUpToken, readLease } from '../support/census.ts';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { canLogIn, changePod, deletePod, expectOrder, setStatus, usersLeft } from '../support/fleet-state.ts';
import { exampleAccount, stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR, MINUTE, sweepIn } from '../support/sweeping.ts';

let fleet: Fleet;
let after: () => Promise<void>;
beforeEach(async () => {
  fleet = await openFleet();
  after = () => expectOrder(fleet);
});
afterEach(() => after());

const versionsOf = ({ uuid }: Given) =>
  stack.vault.ask('GET', `vault-injector/metadata/${fleet.keys.vaultSecretPrefix}/${uuid}`);

describe('an orphaned grant', () => {
  test('is revoked: role, token, lease and all versions of the record are gone; the others stay', async () => {
    const [kept, gone] = [await fleet.pod(), await fleet.pod()];
    const record = await fleet.record(gone.uuid);
    await fleet.write(gone.uuid, record);
    await deletePod(gone);

    const { report, code, log, metrics } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.live, report.orphaned, report.revoked]).toEqual([0, 1, 1, 1]);
    expect(await usersLeft(fleet)).toEqual([kept.user]);
    expect(await lookUpToken(record.TokenId)).toBeUndefined();
    await expect(readLease(record.LeaseId)).rejects.toThrow('400');
    expect((await versionsOf(gone)).status).toBe(404);
    expect(log).toContainEqual(
      expect.objectContaining({
        level: 'info',
        message: 'orphaned grant revoked',
        uuid: gone.uuid,
        namespace: gone.namespace,
        pod: gone.name,
        role: 'gule-rw',
      }),
    );
    expect(metrics).toMatchObject({
      'revoke_token_count_success{namespace="team-infrastructure"}': 1,
      'delete_data_count_success{namespace="team-infrastructure"}': 1,
      pod_cleanup_count_success: 1,
    });
  });

  test('whose token is gone already is one like all others', async () => {
    const [orphan] = await fleet.orphans(1);
    const { TokenId: token } = await fleet.record(orphan?.uuid ?? '');
    await stack.vault.call('POST', 'auth/token/revoke', { token });
    const { report, code } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.revoked]).toEqual([0, 1]);
    expect(await fleet.records()).toEqual([]);
  });

  test('is left alone while its pod may still be in admission, and the pod then works', async () => {
    const young = await fleet.admission();
    const { report, code } = await sweepIn(0, fleet);
    expect([code, report.orphaned, report.revoked]).toEqual([0, 0, 0]);
    expect(await fleet.records()).toEqual([young.uuid]);
    await young.store();
    const later = await sweepIn(AFTER_GRACE, fleet);
    expect([later.code, later.report.live, later.report.revoked]).toEqual([0, 1, 0]);
    expect(await canLogIn(young)).toBe(true);
  });
});

describe('a pod that is gone', () => {
  test.each(['Succeeded', 'Failed'])(
    'because it has %s: its grant is revoked, its object stays',
    async (phase) => {
      const [running, finished] = [await fleet.pod(), await fleet.pod()];
      await setStatus(finished, { phase });
      const { report } = await sweepIn(AFTER_GRACE, fleet);
      expect([report.live, report.revoked]).toEqual([1, 1]);
      expect(await usersLeft(fleet)).toEqual([running.user]);
      await deletePod(finished);
    },
  );

  test('only from the list, since it lost its label, is not gone: its grant is renewed', async () => {
    const pod = await fleet.pod();
    await changePod(pod, () => ({ labels: { app: 'web' } }));
    const { report, code, log } = await sweepIn(HOUR * 0.7, fleet);
    expect([code, report.revoked, report.renewed]).toEqual([0, 0, 1]);
    expect(await canLogIn(pod)).toBe(true);
    expect(log).toContainEqual({
      level: 'warn',
      message: `1 live pods have lost the label ${fleet.label}: their grants are kept`,
    });
  });
});

describe('a pod that names a grant of another namespace', () => {
  test('neither keeps it alive nor hurts it', async () => {
    await addAppRole(stack.vault, { name: 'anywhere', namespaces: ['*'] });
    await createNamespace(stack.kubernetes, 'thieves', [exampleAccount]);
    const victim = await fleet.pod();
    const thief = await fleet.pod({ namespace: 'thieves', role: 'anywhere' });
    const orphan = await fleet.admission();
    after = () => expectOrder(fleet, [orphan]);
    await changePod(thief, ({ annotations }) => ({
      annotations: {
        ...annotations,
        'db-creds-injector.numberly.io/uuid': `${thief.uuid},${victim.uuid},${orphan.uuid}`,
      },
    }));

    const { report, log } = await sweepIn(AFTER_GRACE, fleet);
    expect([report.live, report.revoked]).toEqual([2, 1]);
    expect((await usersLeft(fleet)).sort()).toEqual([victim.user, thief.user].sort());
    expect(log).toContainEqual({
      level: 'warn',
      message: 'a pod names a grant of another namespace',
      uuid: orphan.uuid,
      namespace: victim.namespace,
    });
  });
});

describe('records of the reference injector', () => {
  /** Their records: under such a uuid, with these six fields. */
  async function asReference(pod: Given, uuid: string): Promise<Given> {
    const { LeaseId, TokenId, Namespace, ServiceAccountName, PodName, NodeName } = await fleet.record(
      pod.uuid,
    );
    await fleet.write(uuid, { LeaseId, TokenId, Namespace, ServiceAccountName, PodName, NodeName });
    await fleet.erase(pod.uuid);
    await changePod(pod, ({ annotations }) => ({
      annotations: { ...annotations, 'db-creds-injector.numberly.io/uuid': uuid },
    }));
    return fleet.renamed(pod, uuid);
  }

  test.each([
    ['1', v1],
    ['4', v4],
  ])('under uuids of version %s are renewed and revoked like ours', async (_, newUuid) => {
    const ours = await fleet.pod();
    const [kept, gone] = [
      await asReference(await fleet.pod(), newUuid()),
      await asReference(await fleet.pod(), newUuid()),
    ];
    const { LeaseId } = await fleet.record(kept.uuid);
    const first = await sweepIn(MINUTE, fleet);
    expect([first.code, first.report.live, first.report.renewed]).toEqual([0, 3, 2]);
    expect((await readLease(LeaseId)).ttl).toBeGreaterThan(3590);

    await deletePod(gone);
    const second = await sweepIn(AFTER_GRACE, fleet);
    expect([second.code, second.report.live, second.report.revoked]).toEqual([0, 2, 1]);
    expect((await usersLeft(fleet)).sort()).toEqual([ours.user, kept.user].sort());
    expect((await fleet.records()).sort()).toEqual([ours.uuid, kept.uuid].sort());
  });
});

describe('a record that cannot be read', () => {
  test.each([
    ['without a token', { LeaseId: 'x', Namespace: 'team-infrastructure' }],
    ['of other types', { LeaseId: 1, TokenId: ['s.x'], Namespace: {} }],
    ['of nothing', {}],
    ['whose namespace leaves its path', { TokenId: 's.x', Namespace: '../../../apis' }],
    ['whose Secret leaves its path', { TokenId: 's.x', Namespace: 'team-infrastructure', SecretName: '..' }],
    ['whose lease leaves its path', { TokenId: 's.x', Namespace: 'team-infrastructure', LeaseId: 'a/../b' }],
    ['of figures without bounds', { TokenId: 's.x', Namespace: 'a', LeaseTtlSeconds: 1e300 }],
  ])('%s is reported and kept, and blocks nobody', async (_, garbage) => {
    const broken = '019a0000-0000-7000-8000-000000000000';
    await fleet.write(broken, garbage);
    const pod = await fleet.pod();
    await fleet.orphans(2);
    const { report, code, log } = await sweepIn(HOUR * 0.7, fleet);
    expect([code, report.live, report.renewed, report.revoked]).toEqual([0, 1, 1, 2]);
    expect([report.unreadable, report.failed]).toEqual([1, 0]);
    expect((await fleet.records()).sort()).toEqual([broken, pod.uuid].sort());
    expect(log).toContainEqual({
      level: 'error',
      message: 'a grant could not be processed',
      code: 'record_unreadable',
      uuid: broken,
    });
  });
});

describe('an entry of the ledger that has no name of a grant', () => {
  test.each(['a%b', '019A0000-0000-7000-8000-000000000000', 'notes.txt'])(
    '%s is reported, and neither read nor touched',
    async (name) => {
      const pod = await fleet.pod();
      const record = await fleet.record(pod.uuid);
      await fleet.write(encodeURIComponent(name), record);
      await fleet.orphans(1);
      const { report, code } = await sweepIn(AFTER_GRACE, fleet);
      expect([code, report.live, report.revoked, report.unreadable]).toEqual([0, 1, 1, 1]);
      expect((await fleet.records()).sort()).toEqual([name, pod.uuid].sort());
      expect(await canLogIn(pod)).toBe(true);
      await fleet.erase(encodeURIComponent(name));
    },
  );
});

test('a copy of a live record under another uuid costs the live pod nothing', async () => {
  const pod = await fleet.pod();
  const copy = v4();
  await fleet.write(copy, await fleet.record(pod.uuid));
  const { report, code, log } = await sweepIn(AFTER_GRACE, fleet);
  expect([code, report.live, report.revoked, report.unreadable]).toEqual([0, 1, 0, 1]);
  expect(await canLogIn(pod)).toBe(true);
  expect(log).toContainEqual(expect.objectContaining({ level: 'warn', uuid: copy }));
  await fleet.erase(copy);
});
