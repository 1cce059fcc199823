/** Settings of an installation: kept from one run to the next, changed by what is given. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../../shared/config.ts';
import { projectRoot } from '../../stack/paths.ts';
import { installedFirst, openInstalling } from '../support/installing.ts';

const installing = await openInstalling('install-settings');
const { cluster, get, install, installed } = installing;
installedFirst(installing);

const effective = (file: string): string => {
  const environment = { INJECTOR_KUBE_ROLE: 'any' };
  return parseConfig({ file, environment, process: 'renewal' }).podDefaults.delivery;
};

test('without a configuration of their own, passwords do not stand in pods', async () => {
  const configuration = await get('configmap', 'configuration', '--output=jsonpath={.data.config\\.yaml}');
  expect(effective(configuration)).toBe('secret');
  expect(effective(await readFile(join(projectRoot, 'knative/overlays/example/config.yaml'), 'utf8'))).toBe(
    'secret',
  );
  expect(effective(await readFile(join(projectRoot, 'knative/base/config.yaml'), 'utf8'))).toBe('secret');
});

test('records will say of which cluster they are, unless they have said so before by another name', async () => {
  const read = async () =>
    parse(await get('configmap', 'configuration', '--output=jsonpath={.data.config\\.yaml}'));
  const uid = await cluster.kubectl('get', 'namespace', 'kube-system', '--output=jsonpath={.metadata.uid}');
  expect(await read()).toMatchObject({ clusterId: uid });
  const file = join(cluster.folder, 'named.yaml');
  await writeFile(file, 'clusterId: par5\n');
  expect((await install('--config', file)).code).toBe(0);
  expect((await install()).text).toContain('nothing was changed');
  expect(await read()).toMatchObject({ clusterId: 'par5' });
});

test('a new image and a new key change what they are of, and nothing else', async () => {
  const before = await installed();
  const file = join(cluster.folder, 'more.yaml');
  await writeFile(file, 'gracePeriodSecond: 300\n');
  const { code } = await install('--image', 'registry.example:5000/injector:3.1.0', '--config', file);
  expect(code).toBe(0);
  const changed = Object.entries(await installed()).flatMap(([name, version]) =>
    before[name] === version ? [] : [name],
  );
  expect(changed.toSorted()).toEqual([
    'ConfigMap configuration',
    'CronJob renewal',
    'CronJob replay',
    'Service admission',
    'Service dead-letters',
    'Service revocation',
  ]);
  const configuration = await get('configmap', 'configuration', '--output=jsonpath={.data.config\\.yaml}');
  expect(parse(configuration)).toMatchObject({ gracePeriodSecond: 300, vaultSecretPrefix: 'mine' });
  const image = await get('cronjob', 'renewal', '--output=jsonpath={..image}');
  expect(image).toBe('registry.example:5000/injector:3.1.0');
});

test("the authority of Vault's certificate is mounted where it is asked of Vault, and kept", async () => {
  const file = join(cluster.folder, 'vault-ca.pem');
  const pem = await readFile(cluster.caFile, 'utf8');
  await writeFile(file, pem);
  expect((await install('--vault-ca', file)).text).toContain('Created: ConfigMap vault-ca.');
  expect((await install()).text).toContain('nothing was changed');
  const stored = await get('configmap', 'vault-ca', '--output=jsonpath={.data.ca\\.crt}');
  expect(stored.trim()).toBe(pem.trim());
  const path = '/etc/vault-db-injector/vault-ca/ca.crt';
  for (const one of [
    'service.serving.knative.dev/admission',
    'service.serving.knative.dev/revocation',
    'cronjob/renewal',
  ])
    expect(await get(one, '--output=json')).toContain(path);
  const { code, text } = await install('--vault-ca', join(cluster.folder, 'more.yaml'));
  expect([code, text]).toEqual([1, expect.stringContaining('holds no certificate in PEM')]);
});

test('a configuration that no process would start with is refused before anything is applied', async () => {
  const file = join(cluster.folder, 'wrong.yaml');
  await writeFile(file, 'gracePeriodSeconds: 300\nlogLevel: loud\n');
  const before = await installed();
  const { code, text } = await install('--config', file);
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/gracePeriodSeconds: is not a known key\n.*logLevel/),
  ]);
  expect(await installed()).toEqual(before);
});

test('source filters are used where Knative takes them and has them switched on', async () => {
  const features = (value: string) =>
    cluster.kubectl(
      'patch',
      'configmap',
      'config-features',
      '--namespace=knative-eventing',
      '--type=merge',
      `--patch={"data":{"new-apiserversource-filters":"${value}"}}`,
    );
  const filters = () => get('apiserversource', 'pods', '--output=jsonpath={.spec.filters}');
  expect(await filters()).toBe('');
  await features('enabled');
  expect((await install()).code).toBe(0);
  expect(await filters()).toContain('dev.knative.apiserver.resource.delete');
  await features('disabled');
  expect((await install()).code).toBe(0);
  expect(await filters()).toBe('');
});

test("as the pods' own service accounts: the function may have their tokens, and goes on so", async () => {
  const file = join(cluster.folder, 'projected.yaml');
  await writeFile(file, 'useProjectedSA: true\n');
  const { code, text } = await install('--config', file);
  expect([code, text]).toEqual([
    0,
    expect.stringContaining('ClusterRoleBinding vault-db-injector-service-account-tokens'),
  ]);
  expect(await get('service.serving.knative.dev/admission', '--output=json')).toContain(
    'INJECTOR_USE_PROJECTED_SA',
  );
  await writeFile(file, 'projectedSAAudience: elsewhere\n');
  const refused = await install('--config', file);
  expect([refused.code, refused.text]).toEqual([1, expect.stringContaining('for the audience vault')]);
  await writeFile(file, 'useProjectedSA: false\n');
  expect((await install('--config', file)).text).toMatch(
    /^Removed.*ClusterRole vault-db-injector-service-account-tokens/m,
  );
});

test('the secret of the path was never printed', installing.expectNoSecretPrinted);
