/** What an admission leaves behind for those who look after it: ledger record, token, audit log, warnings. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { vaultFiles } from '../../stack/vault/files.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { lookUpAccessor, readLease, readRecord } from '../support/census.ts';
import { createPod, environmentOf, podWith, uuidsOf } from '../support/pods.ts';
import { stack } from '../support/stack.ts';

describe('the ledger', () => {
  test('has one record a grant, with the fields of the reference and ours', async () => {
    const pod = await createPod(podWith({ 'orders.role': 'gule-rw' }, { name: 'recorded' }));
    const [uuid = ''] = uuidsOf(pod);
    const record = await readRecord(uuid);
    expect(record).toMatchObject({
      LeaseId: expect.stringMatching(/^pgsql2-dv\/creds\/gule-rw\/\w+$/),
      TokenAccessor: expect.stringMatching(/^\w{20,}/),
      Namespace: 'team-infrastructure',
      ServiceAccountName: 'vault-pgsql-example',
      PodName: 'recorded',
      NodeName: '',
      Database: 'orders',
      Mount: 'pgsql2-dv',
      Role: 'gule-rw',
      UserName: environmentOf(pod)['DBUSER'],
      LeaseTtlSeconds: 3600,
      TokenPeriodSeconds: 768 * 3600,
    });
    expect((await readLease(record.LeaseId)).renewable).toBe(true);
  });

  test('names grants by uuids of version 7, which tell the time of issue', async () => {
    const from = Date.now();
    const pod = await createPod(podWith({ role: 'gule-rw' }));
    const [uuid = ''] = uuidsOf(pod);
    expect(uuid).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    const issued = Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16);
    expect(issued).toBeGreaterThanOrEqual(from - 1);
    expect(issued).toBeLessThanOrEqual(Date.now());
  });
});

describe('two pods of one generateName', () => {
  test('get different users, and records without a pod name', async () => {
    const wishes = { generateName: 'replica-' };
    const pods = await Promise.all([0, 1].map(() => createPod(podWith({ role: 'gule-rw' }, wishes))));
    const users = pods.map((pod) => environmentOf(pod)['DBUSER']);
    expect(new Set(users).size).toBe(2);
    const records = await Promise.all(pods.flatMap(uuidsOf).map(readRecord));
    expect(records.map(({ PodName }) => PodName)).toEqual(['', '']);
    expect(records.map(({ UserName }) => UserName)).toEqual(users);
  });
});

describe('the orphan token', () => {
  test('has the policy of the role, its period, and says who it is for', async () => {
    const pod = await createPod(podWith({ role: 'gule-rw' }, { name: 'tokened' }));
    const [uuid = ''] = uuidsOf(pod);
    const { TokenAccessor } = await readRecord(uuid);
    expect(await lookUpAccessor(TokenAccessor)).toMatchObject({
      orphan: true,
      policies: ['default', 'gule-rw'],
      period: 768 * 3600,
      display_name: 'token-team-infrastructure-vault-pgsql-example',
      meta: {
        cluster: 'kubernetes1-dv-par5',
        namespace: 'team-infrastructure',
        service_account: 'vault-pgsql-example',
        pod: 'tokened',
        uuid,
      },
    });
  });

  test('of a pod that has no name yet: what the name will begin with', async () => {
    const pod = await createPod(podWith({ role: 'gule-rw' }, { generateName: 'web-7d9f-' }));
    const [uuid = ''] = uuidsOf(pod);
    const { meta } = (await lookUpAccessor((await readRecord(uuid)).TokenAccessor)) ?? {};
    expect(meta).toMatchObject({ generate_name: 'web-7d9f-', uuid });
    expect(meta).not.toHaveProperty('pod');
  });
});

describe("Vault's audit log", () => {
  const Hash = v.object({ data: v.object({ hash: v.string() }) });
  const Line = v.object({
    type: v.literal('response'),
    auth: v.object({ display_name: v.string(), metadata: v.record(v.string(), v.string()) }),
    response: v.object({ data: v.object({ username: v.string() }) }),
  });

  test('leads from the user that PostgreSQL shows to the pod, with nothing else at hand', async () => {
    const pod = await createPod(podWith({ role: 'gule-rw' }, { name: 'suspect' }));
    const user = environmentOf(pod)['DBUSER'];

    const { data } = v.parse(
      Hash,
      await stack.rootVault.call('POST', 'sys/audit-hash/file', { input: user }),
    );
    const log = await readFile(vaultFiles(stack.description.vault.folder).audit, 'utf8');
    const lines = log.split('\n').filter((line) => line.includes(data.hash));
    const found = lines
      .map((line) => v.safeParse(Line, JSON.parse(line)))
      .flatMap((parsed) => (parsed.success ? [parsed.output] : []));
    expect(found.map(({ auth }) => auth)).toEqual([
      {
        display_name: 'token-team-infrastructure-vault-pgsql-example',
        metadata: {
          cluster: 'kubernetes1-dv-par5',
          namespace: 'team-infrastructure',
          service_account: 'vault-pgsql-example',
          pod: 'suspect',
          uuid: uuidsOf(pod).join(','),
        },
      },
    ]);
  });
});

describe('a lease that is shorter than two sync intervals', () => {
  test('is issued, with a warning that says so', async () => {
    await addAppRole(stack.vault, { name: 'short-lived', defaultTtl: 599 });
    await addAppRole(stack.vault, { name: 'long-enough', defaultTtl: 600 });
    const short = await createPod(podWith({ role: 'short-lived' }));
    expect(environmentOf(short)['DBUSER']).toMatch(/^short-lived-/);
    expect(short.warnings).toEqual([
      'role "short-lived": its leases last 599 s, less than two sync intervals (600 s), and may end before they are renewed',
    ]);
    expect((await createPod(podWith({ role: 'long-enough' }))).warnings).toEqual([]);
  });
});

describe('an annotation that means nothing', () => {
  test('is ignored, with a warning that names those that do', async () => {
    const pod = await createPod(podWith({ 'db.role': 'gule-rw', 'db.user': 'me', enabled: 'yes' }));
    expect(pod.warnings).toEqual([
      expect.stringMatching(
        /^annotation "db-creds-injector.numberly.io\/db.user" is not known and ignored; known: <database>.cluster, /,
      ),
      'annotation "db-creds-injector.numberly.io/enabled" is not known and ignored; known: cluster, role, delivery, containers, uuid',
    ]);
  });
});
