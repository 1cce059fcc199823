/** What others have set, refuse or break: it is named, left to them, and put back. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuthority } from '../../stack/certificates.ts';
import { installedFirst, openInstalling } from '../support/installing.ts';

const installing = await openInstalling('install-refused');
const { cluster, get, install, installed, pathSecret } = installing;
const { failing } = installedFirst(installing);

test('what somebody else has set is left to them, unless it is taken over', async () => {
  const schedule = { schedule: '*/4 * * * *' };
  const theirs = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'renewal' }, spec: schedule };
  const file = join(cluster.folder, 'theirs.json');
  await writeFile(file, JSON.stringify(theirs));
  await cluster.kubectl(
    'apply',
    '--server-side',
    '--force-conflicts',
    '--field-manager=gitops',
    '--namespace=vault-injector',
    `--filename=${file}`,
  );
  const { code, text } = await install();
  expect([code, text]).toEqual([
    1,
    expect.stringContaining(
      'Nothing was changed. The API server would refuse:\n  - CronJob renewal in vault-injector: "gitops" has set .spec.schedule\n',
    ),
  ]);
  expect(text).toContain('add --force-conflicts');
  // Not even what nobody else has set, and a dry run says the same.
  const file2 = join(cluster.folder, 'with-a-conflict.yaml');
  await writeFile(file2, 'gracePeriodSecond: 600\n');
  const before = await installed();
  const other = ['--config', file2, '--image', 'registry.example:5000/injector:3.2.0'];
  for (const more of [[], ['--dry-run']]) expect((await install(...other, ...more)).code).toBe(1);
  expect(await installed()).toEqual(before);
  expect((await install('--force-conflicts')).code).toBe(0);
  expect(await get('cronjob', 'renewal', '--output=jsonpath={.spec.schedule}')).toBe('*/5 * * * *');
});

test('what the API server would refuse for another reason is named by its object, too', async () => {
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'no-cron-jobs' },
    spec: {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['batch'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['cronjobs'],
          },
        ],
      },
      validations: [{ expression: 'false', message: 'no CronJobs here' }],
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'no-cron-jobs' },
    spec: { policyName: 'no-cron-jobs', validationActions: ['Deny'] },
  };
  const refusing = join(cluster.folder, 'refusing.json');
  await writeFile(refusing, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy, binding] }));
  await cluster.kubectl('apply', '--server-side', `--filename=${refusing}`);
  const other = ['--image', 'registry.example:5000/injector:3.3.0'];
  const before = await installed();
  await expect
    .poll(async () => (await install(...other, '--dry-run')).text, { timeout: 20_000 })
    .toMatch(/ {2}- CronJob renewal in vault-injector: .*no CronJobs here[\s\S]*- CronJob replay in/);
  expect((await install(...other)).code).toBe(1);
  const after = await installed();
  await cluster.kubectl(
    'delete',
    'validatingadmissionpolicybinding,validatingadmissionpolicy',
    'no-cron-jobs',
  );
  const ours = ([name]: [string, string]) => !name.endsWith('no-cron-jobs');
  expect(Object.entries(after).filter(ours)).toEqual(Object.entries(before).filter(ours));
  await expect.poll(async () => (await install('--dry-run')).code, { timeout: 20_000 }).toBe(0);
});

test('an image that cannot be pulled: renewals go on with the old one, and the configuration is as it was', async () => {
  const file = join(cluster.folder, 'with-a-bad-image.yaml');
  await writeFile(file, 'gracePeriodSecond: 900\n');
  const read = async () => [
    await get('cronjob', 'renewal', 'replay', '--output=jsonpath={..image}'),
    await get('configmap', 'configuration', '--output=jsonpath={.data.config\\.yaml}'),
  ];
  const before = await read();
  const { code, text } = await failing('services', 'ContainerMissing', () =>
    install('--image', 'registry.example:5000/injector:none', '--config', file),
  );
  expect([code, text]).toEqual([
    1,
    expect.stringContaining('Running pods are unaffected: ConfigMap configuration restored.'),
  ]);
  expect(text).toContain('- Service admission: ContainerMissing');
  expect(await read()).toEqual(before);
  expect(before[0]).not.toContain('none');
  const [image = ''] = before[0]?.split(' ') ?? [];
  expect((await install('--image', image)).code).toBe(0);
});

test('an authority that a failed installation has changed is put back, and one that it has brought is removed', async () => {
  const authority = () =>
    get('configmap', 'vault-ca', '--ignore-not-found', '--output=jsonpath={.data.ca\\.crt}');
  const old = join(cluster.folder, 'vault-ca.pem');
  await writeFile(old, await readFile(cluster.caFile, 'utf8'));
  expect((await install('--vault-ca', old)).code).toBe(0);
  const before = await authority();
  const file = join(cluster.folder, 'another-ca.pem');
  await writeFile(file, (await createAuthority('another')).certificate);
  const fail = async () => {
    const result = await failing('services', 'ContainerMissing', () => install('--vault-ca', file));
    return result;
  };
  expect(before).toContain('BEGIN CERTIFICATE');
  const changed = await fail();
  expect([changed.code, changed.text]).toEqual([1, expect.stringMatching(/ConfigMap vault-ca restored\./)]);
  expect(await authority()).toBe(before);

  await cluster.kubectl('delete', 'configmap', 'vault-ca', '--namespace=vault-injector');
  const brought = await fail();
  expect([brought.code, brought.text]).toEqual([1, expect.stringMatching(/ConfigMap vault-ca \(removed\)/)]);
  expect(await authority()).toBe('');
  expect((await install('--vault-ca', old)).code).toBe(0);
  expect((await authority()).trim()).toBe(before.trim());
});

test('a Secret of the path that GitOps keeps is left to it, lines and all', async () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'webhook-path' }, type: 'Opaque' };
  const encoded = Buffer.from(await pathSecret('current')).toString('base64');
  const labels = { 'app.kubernetes.io/part-of': 'vault-db-injector' };
  // The format of kustomize's generator.
  const data = { current: `${encoded.slice(0, 70)}\n${encoded.slice(70)}\n` };
  const file = join(cluster.folder, 'their-secret.json');
  await writeFile(file, JSON.stringify({ ...secret, metadata: { ...secret.metadata, labels }, data }));
  const theirs = [
    'apply',
    '--server-side',
    '--field-manager=gitops',
    '--namespace=vault-injector',
    `--filename=${file}`,
  ];
  await cluster.kubectl('delete', 'secret', 'webhook-path', '--namespace=vault-injector');
  await cluster.kubectl(...theirs);
  const { code, text } = await install();
  expect([code, text]).toEqual([0, expect.stringContaining('nothing was changed')]);
  const managers = '--output=jsonpath={.metadata.managedFields[*].manager}';
  expect(await get('secret', 'webhook-path', '--show-managed-fields', managers)).toBe('gitops');
  // Nor is their next one a conflict.
  await cluster.kubectl(...theirs);
  await cluster.kubectl('delete', 'secret', 'webhook-path', '--namespace=vault-injector');
  await cluster.admin.apply({
    ...secret,
    metadata: { name: 'webhook-path', namespace: 'vault-injector', labels },
    data: { current: encoded },
  });
});

test('the secret of the path was never printed', installing.expectNoSecretPrinted);
