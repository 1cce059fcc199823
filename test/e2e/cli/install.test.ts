/**
 * Installing by one command, on a real API server with Knative's and cert-manager's real definitions. Their controllers
 * do not run there: support/controllers.ts writes what they would. The pod of the self-test goes to the stack's admission
 * function, and on to Vault.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../../shared/config.ts';
import { createAuthority } from '../../stack/certificates.ts';
import { projectRoot } from '../../stack/paths.ts';
import { until } from '../../stack/wait.ts';
import { bringKnative, startBareCluster } from '../support/bare-cluster.ts';
import { askedFor, commandsOn } from '../support/commands.ts';
import { type Controllers, startControllers } from '../support/controllers.ts';
import { startInstalledFunction } from '../support/installed-function.ts';
import { exampleAccount, exampleNamespace } from '../support/stack.ts';

const ASKED = askedFor('https://vault.secrets.svc:8200', 'mine');
const SECRET = /\b[\da-f]{64}\b/;

let controllers: Controllers;
const cluster = await startBareCluster('install');
const commands = commandsOn(cluster);
let admission: Awaited<ReturnType<typeof startInstalledFunction>>;
/** All that the commands have printed. */
const said: string[] = [];

const SOURCES = '/apis/sources.knative.dev/v1/namespaces/default/apiserversources';
const SOURCE = {
  apiVersion: 'sources.knative.dev/v1',
  kind: 'ApiServerSource',
  metadata: { name: 'any' },
  spec: { mode: 'Resource', resources: [{ apiVersion: 'v1', kind: 'Pod' }] },
};

const Versioned = v.object({
  items: v.array(
    v.looseObject({
      kind: v.string(),
      metadata: v.looseObject({ name: v.string(), resourceVersion: v.string() }),
    }),
  ),
});
/** All that is installed, by kind and name, with its resourceVersion. */
async function installed(): Promise<Record<string, string>> {
  const kinds =
    'mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings,clusterdomainclaims.networking.internal.knative.dev,roles,rolebindings,serviceaccounts,networkpolicies,configmaps,secrets,cronjobs,services.serving.knative.dev,domainmappings.serving.knative.dev,certificates.cert-manager.io,issuers.cert-manager.io,brokers.eventing.knative.dev,triggers.eventing.knative.dev,apiserversources.sources.knative.dev';
  const answer = await cluster.kubectl('get', kinds, '--namespace=vault-injector', '--output=json');
  const { items } = v.parse(Versioned, JSON.parse(answer));
  const ours = items.filter(
    ({ metadata }) => !/^system:|^cluster-admin|^admin$|^edit$|^view$/.test(metadata.name),
  );
  return Object.fromEntries(
    ours.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
  );
}

const Webhooks = v.object({
  items: v.array(v.object({ webhooks: v.array(v.looseObject({ clientConfig: v.looseObject({}) })) })),
});
async function webhooks() {
  const answer = await cluster.kubectl('get', 'mutatingwebhookconfigurations', '--output=json');
  return v.parse(Webhooks, JSON.parse(answer)).items.flatMap((item) => item.webhooks);
}

async function pathSecret(key: string): Promise<string> {
  const encoded = await get('secret', 'webhook-path', `--output=jsonpath={.data.${key}}`);
  return Buffer.from(encoded, 'base64').toString();
}

const effective = (file: string): string => {
  const environment = { INJECTOR_KUBE_ROLE: 'any' };
  return parseConfig({ file, environment, process: 'renewal' }).podDefaults.delivery;
};

const get = async (...args: string[]): Promise<string> =>
  cluster.kubectl('get', '--namespace=vault-injector', ...args);

describe('where something is missing', () => {
  test('all of it is in one list, with what to do, and nothing is changed', async () => {
    const { code, text } = await commands.install(...ASKED);
    expect(code).toBe(1);
    const [where, title, ...lines] = text.split('\n');
    expect(where).toMatch(/^On the cluster https:\/\/127\.0\.0\.1:\d+, context ".+"\.$/);
    expect(title).toBe('Nothing was changed. Missing prerequisites:');
    const items = lines.filter((line) => line.startsWith('  - '));
    expect(items.map((line) => line.replace(/^ {2}- /, ''))).toEqual([
      expect.stringContaining('Knative Serving, which provides'),
      expect.stringContaining('cert-manager, which provides'),
      expect.stringContaining('Knative Eventing, which provides'),
      "the ingress' Service kourier in kourier-system",
    ]);
    expect(lines.filter((line) => line.includes('install it')).length).toBe(items.length);
    await expect(cluster.admin.call('GET', '/api/v1/namespaces/vault-injector')).rejects.toThrow('404');
  });

  test('options too', async () => {
    const { code, text } = await commands.install('--prefix', 'mine');
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(/^missing: --vault-address, --vault-auth-path, --image$/m),
    ]);
  });

  test('kubectl, or the cluster', async () => {
    const none = await commandsOn({ ...cluster, kubectlProgram: '/nowhere/kubectl' }).install(...ASKED);
    expect([none.code, none.text]).toEqual([1, expect.stringContaining('install kubectl, or set KUBECTL')]);
    const away = await commands.install('--context', 'elsewhere', ...ASKED);
    expect([away.code, away.text]).toEqual([
      1,
      expect.stringContaining('context "elsewhere" does not exist'),
    ]);
  });

  test('the right to do it', async () => {
    await bringKnative(cluster);
    const reader = ['--verb=get,list', '--resource=*.*'];
    await cluster.kubectl('create', 'clusterrole', 'reader', ...reader);
    await cluster.kubectl('create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--user=reader');
    const file = join(cluster.folder, 'kubeconfig-of-a-reader');
    const admin = await readFile(cluster.kubeconfig, 'utf8');
    await writeFile(file, admin.replace('    user:\n', '    user:\n      as: reader\n'), { mode: 0o600 });
    const { code, text } = await commandsOn({ ...cluster, kubeconfig: file }).install(...ASKED);
    expect([code, text]).toEqual([1, expect.stringContaining('  - the right to ')]);
    expect(text).toMatch(/create mutatingwebhookconfigurations/);
    expect(text).toMatch(/patch validatingadmissionpolicies/);
    expect(text).not.toMatch(/get services|Knative Serving, which/);
  });
});

describe('where all is there', () => {
  beforeAll(async () => {
    admission = await startInstalledFunction(cluster, 'installed');
    controllers = startControllers(cluster, { startAdmission: admission.mountSecret });
  });

  async function install(...args: string[]) {
    const result = await commands.install(...args);
    said.push(result.text);
    return result;
  }

  test('a dry run says what it would do and does nothing', async () => {
    const { code, text } = await install('--dry-run', ...ASKED);
    expect([code, text]).toEqual([0, expect.stringContaining('Would apply: Namespace vault-injector')]);
    await expect(cluster.admin.call('GET', '/api/v1/namespaces/vault-injector')).rejects.toThrow('404');
  });

  test('what the API server would refuse in a namespace that is not there yet is named, and nothing is made', async () => {
    const kind = 'customresourcedefinition/apiserversources.sources.knative.dev';
    const mode = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode';
    const patch = (operation: object) =>
      cluster.kubectl('patch', kind, '--type=json', `--patch=${JSON.stringify([operation])}`);
    // The API server takes a moment to go by it.
    const untilAnswered = (status: number) =>
      expect
        .poll(async () => (await cluster.admin.ask('POST', `${SOURCES}?dryRun=All`, { ...SOURCE })).status, {
          timeout: 20_000,
        })
        .toBe(status);
    await patch({ op: 'add', path: `${mode}/enum`, value: ['Reference'] });
    try {
      await untilAnswered(422);
      const { code, text } = await install(...ASKED);
      expect([code, text]).toEqual([
        1,
        expect.stringMatching(
          /Nothing was changed\. The API server would refuse:\n {2}- ApiServerSource pods in vault-injector: .*Unsupported value: "Resource"/,
        ),
      ]);
      await expect(cluster.admin.call('GET', '/api/v1/namespaces/vault-injector')).rejects.toThrow('404');
    } finally {
      await patch({ op: 'remove', path: `${mode}/enum` });
    }
    await untilAnswered(201);
  });

  test('what does not become ready is named, with its reason and how to look', async () => {
    controllers.failing.set('triggers', 'BrokerNotReady');
    const { code, text } = await install('--timeout', '2', ...ASKED);
    controllers.failing.clear();
    expect(code).toBe(1);
    expect(text).toContain('- Trigger revocation: BrokerNotReady');
    expect(text).toContain(
      'look: kubectl --namespace vault-injector describe triggers.eventing.knative.dev revocation',
    );
    // The webhook comes last: no pod waits for a function that is not ready.
    expect(await get('mutatingwebhookconfigurations', '--output=name')).toBe('');
  });

  test('what has failed for good is not waited for: the command that shows why is named', async () => {
    controllers.failing.set('services', 'RevisionFailed');
    // Longer than this test may take.
    const { code, text } = await install('--timeout', '3600', ...ASKED);
    controllers.failing.clear();
    expect([code, text]).toEqual([
      1,
      expect.stringContaining(
        'These objects have failed, and waiting will not help:\n  - Service admission: RevisionFailed',
      ),
    ]);
    expect(text).toMatch(
      /look: kubectl --namespace vault-injector describe revisions\.serving\.knative\.dev admission-00001, then kubectl .* describe pods --selector/,
    );
  });

  test('so is a webhook that the API server does not trust yet', async () => {
    controllers.failing.set('cainjector', '');
    const { code, text } = await install('--timeout', '2');
    controllers.failing.clear();
    expect([code, text]).toEqual([1, expect.stringContaining('cainjector has not set the caBundle yet')]);
    // A pod's creator would now be shown the whole URL.
    const [webhook] = await webhooks();
    expect(webhook?.clientConfig).toMatchObject({ service: { path: '/the-path-secret-is-not-set' } });
  });

  test('a gateway that leads nowhere fails the self-test, and the path stays secret', async () => {
    const { code, text } = await install();
    expect([code, text]).toEqual([1, expect.stringContaining('The API server did not reach the function')]);
    expect(text).toContain('kourier.kourier-system.svc:443/[redacted]');
    const [webhook] = await webhooks();
    const path = `/${await pathSecret('current')}`;
    expect(webhook?.clientConfig).toMatchObject({
      service: { namespace: 'kourier-system', name: 'kourier', port: 443, path },
      caBundle: expect.any(String),
    });
  });

  test('the way that leads to the function: the self-test reaches Vault, and what is no longer asked for goes', async () => {
    const { code, text } = await install(...admission.way);
    expect([code, text]).toEqual([0, expect.stringContaining('is denied by name')]);
    expect(text).toMatch(/Removed, no longer needed: .*DomainMapping kourier/);
    expect(
      await get('domainmappings.serving.knative.dev,certificates.cert-manager.io', '--output=name'),
    ).toBe('');
  });

  test('a second time nothing is changed', async () => {
    const before = await installed();
    const { code, text } = await install();
    expect([code, text]).toEqual([0, expect.stringContaining('nothing was changed')]);
    expect(await installed()).toEqual(before);
    expect(Object.keys(before).length).toBeGreaterThan(30);
  });

  test('a role and an account that Vault knows: the self-test shows where credentials will stand', async () => {
    await cluster.kubectl('create', 'namespace', exampleNamespace);
    await cluster.kubectl('create', 'serviceaccount', exampleAccount, `--namespace=${exampleNamespace}`);
    const { code, text } = await install(
      '--self-test-role=gule-rw',
      `--self-test-namespace=${exampleNamespace}`,
      `--self-test-service-account=${exampleAccount}`,
    );
    expect([code, text]).toEqual([0, expect.stringContaining('"gule-rw" would get credentials')]);
  });

  test('a namespace that the webhook leaves out: the self-test says that nobody was asked', async () => {
    await cluster.kubectl('create', 'serviceaccount', 'default', '--namespace=knative-serving');
    const { code, text } = await install('--self-test-namespace=knative-serving');
    expect([code, text]).toEqual([1, expect.stringContaining('the API server did not call the function')]);
  });

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
    controllers.failing.set('services', 'ContainerMissing');
    const { code, text } = await install('--image', 'registry.example:5000/injector:none', '--config', file);
    controllers.failing.clear();
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
    const before = await authority();
    const file = join(cluster.folder, 'another-ca.pem');
    await writeFile(file, (await createAuthority('another')).certificate);
    const fail = async () => {
      controllers.failing.set('services', 'ContainerMissing');
      const result = await install('--vault-ca', file);
      controllers.failing.clear();
      return result;
    };
    expect(before).toContain('BEGIN CERTIFICATE');
    const changed = await fail();
    expect([changed.code, changed.text]).toEqual([1, expect.stringMatching(/ConfigMap vault-ca restored\./)]);
    expect(await authority()).toBe(before);

    await cluster.kubectl('delete', 'configmap', 'vault-ca', '--namespace=vault-injector');
    const brought = await fail();
    expect([brought.code, brought.text]).toEqual([
      1,
      expect.stringMatching(/ConfigMap vault-ca \(removed\)/),
    ]);
    expect(await authority()).toBe('');
    const old = join(cluster.folder, 'vault-ca.pem');
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

  describe('a Broker of before, which delivers one event after the other,', () => {
    const BROKER = 'broker.eventing.knative.dev/pods';
    const CHANNEL = 'inmemorychannel.messaging.knative.dev/pods-kne-trigger';
    const ASYNC = '--output=jsonpath={.metadata.annotations.messaging\\.knative\\.dev/async-handler}';
    const uidOf = (object: string) => get(object, '--output=jsonpath={.metadata.uid}');
    const sourcePods = () => get('pods', '--selector=eventing.knative.dev/sourceName=pods', '--output=name');
    let old: string[];

    beforeAll(async () => {
      await cluster.kubectl('delete', BROKER, CHANNEL, '--namespace=vault-injector');
      const metadata = { name: 'pods', namespace: 'vault-injector' };
      await cluster.admin.apply({ apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', metadata });
      await until('the channel is made', async () =>
        (await get(CHANNEL, '--ignore-not-found', '--output=name')).includes('pods-kne-trigger'),
      );
      await cluster.admin.apply({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', namespace: 'vault-injector' },
      });
      // The pod that Knative creates for the source; no kubelet ends it, so it has no node.
      await cluster.admin.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'source-of-before',
          namespace: 'vault-injector',
          labels: { 'eventing.knative.dev/sourceName': 'pods' },
        },
        spec: {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'source',
              image: 'source',
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            },
          ],
        },
      });
      old = [await uidOf(BROKER), await uidOf(CHANNEL)];
      // Ages are in whole seconds.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    });

    test('is told of by a dry run, and made again only if that is meant', async () => {
      const dry = await install('--dry-run');
      expect([dry.code, dry.text]).toEqual([
        0,
        expect.stringMatching(/^Would recreate the Broker: it has no annotation .*are lost: the next sweep/m),
      ]);
      const { code, text } = await install();
      expect([code, text]).toEqual([
        1,
        expect.stringMatching(/the Broker has to be recreated: .*add --yes\. Nothing was changed/s),
      ]);
      expect([await uidOf(BROKER), await uidOf(CHANNEL)]).toEqual(old);
      expect(await sourcePods()).toContain('source-of-before');
    });

    test('is made again with its channel, and the pod of its source restarted', async () => {
      const { code, text } = await install('--yes');
      expect([code, text]).toEqual([0, expect.stringMatching(/^The source's pod was restarted/m)]);
      expect([await get(BROKER, ASYNC), await get(CHANNEL, ASYNC)]).toEqual(['true', 'true']);
      expect(old).not.toContain(await uidOf(BROKER));
      expect(old).not.toContain(await uidOf(CHANNEL));
      expect(await sourcePods()).toBe('');
    });

    test('is no reason to do so twice', async () => {
      const { code, text } = await install('--yes');
      expect([code, text]).toEqual([0, expect.stringContaining('nothing was changed')]);
      expect(text).not.toContain('restarted');
    });

    test('that was only given the annotation later is not taken for mended', async () => {
      const without = 'messaging.knative.dev/async-handler-';
      await cluster.kubectl('annotate', CHANNEL, without, '--namespace=vault-injector');
      const { code, text } = await install('--dry-run');
      expect([code, text]).toEqual([
        0,
        expect.stringMatching(/^Would recreate the Broker: its channel has no annotation/m),
      ]);
      expect((await install('--yes')).code).toBe(0);
      expect(await get(CHANNEL, ASYNC)).toBe('true');
    });
  });

  test("Vault's place is in the NetworkPolicy, and its namespace is left out by the webhook", async () => {
    const egress = await get('networkpolicy', 'to-vault', '--output=jsonpath={.spec.egress}');
    expect(JSON.parse(egress)).toEqual([
      {
        to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'secrets' } } }],
        ports: [{ protocol: 'TCP', port: 8200 }],
      },
    ]);
    const [webhook] = await webhooks();
    expect(JSON.stringify(webhook)).toContain('"secrets"');
  });

  test('the secret of the path was never printed', () => {
    expect(said.filter((text) => SECRET.test(text))).toEqual([]);
    expect(said.length).toBeGreaterThan(10);
  });
});
