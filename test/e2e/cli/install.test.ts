/**
 * Installing by one command, on a real API server with Knative's and cert-manager's real definitions. Their controllers
 * do not run there: support/controllers.ts writes what they would.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bringKnative } from '../support/bare-cluster.ts';
import { commandsOn } from '../support/commands.ts';
import type { Controllers } from '../support/controllers.ts';
import { ASKED, openInstalling } from '../support/installing.ts';
import { exampleAccount, exampleNamespace } from '../support/stack.ts';

const installing = await openInstalling('install');
const { cluster, commands, get, install, installed, pathSecret, webhooks } = installing;
let controllers: Controllers;
let way: readonly string[];

const SOURCES = '/apis/sources.knative.dev/v1/namespaces/default/apiserversources';
const SOURCE = {
  apiVersion: 'sources.knative.dev/v1',
  kind: 'ApiServerSource',
  metadata: { name: 'any' },
  spec: { mode: 'Resource', resources: [{ apiVersion: 'v1', kind: 'Pod' }] },
};

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

  test('an installation to upgrade', async () => {
    const { code, text } = await commands.upgrade(...ASKED);
    expect([code, text]).toEqual([1, expect.stringContaining('there is no installation to upgrade')]);
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
    const parts = await installing.startParts();
    controllers = parts.controllers;
    way = parts.admission.way;
  });

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
    const { code, text } = await install(...way);
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

  test('an upgrade is the same where something is installed', async () => {
    const { code, text } = await commands.upgrade();
    expect([code, text]).toEqual([0, expect.stringContaining('nothing was changed')]);
  });

  test('the secret of the path was never printed', installing.expectNoSecretPrinted);
});
