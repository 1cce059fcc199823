/**
 * The end of an installation, while pods live: their credentials are kept, or revoked. Pods, grants and database users
 * are real; support/controllers.ts is the job controller, and runs the renewal job's own process.
 */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { runJob } from '../../stack/job.ts';
import { secretName } from '../../stack/vault/names.ts';
import { until } from '../../stack/wait.ts';
import { bringKnative, startBareCluster } from '../support/bare-cluster.ts';
import { askedFor, commandsOn } from '../support/commands.ts';
import { startControllers } from '../support/controllers.ts';
import { startInstalledFunction } from '../support/installed-function.ts';
import { createPod, environmentOf, podWith, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const prefix = `uninstall-${randomUUID().slice(0, 8)}`;
const ASKED = askedFor('https://vault.example.com', prefix);
const KEPT = 'db-creds-injector.numberly.io/uuid';
const cluster = await startBareCluster('uninstall');
const commands = commandsOn(cluster);
let admission: Awaited<ReturnType<typeof startInstalledFunction>>;
/** Keys of the job's configuration, in place of the right ones. */
let misled: Readonly<Record<string, string>> = {};

const Job = v.object({
  spec: v.object({
    template: v.object({
      spec: v.object({ containers: v.tuple([v.object({ args: v.array(v.string()) })]) }),
    }),
  }),
});

beforeAll(async () => {
  await bringKnative(cluster);
  await cluster.kubectl('create', 'namespace', exampleNamespace);
  await cluster.kubectl('create', 'serviceaccount', exampleAccount, `--namespace=${exampleNamespace}`);
  admission = await startInstalledFunction(cluster, prefix);
  startControllers(cluster, {
    startAdmission: admission.mountSecret,
    runJob: async (job) => {
      const { args } = v.parse(Job, job).spec.template.spec.containers[0];
      const given = args.slice(args.findIndex((arg) => arg.endsWith('.cjs')) + 1);
      const overrides = { ...admission.keys, mode: 'renewer', ...misled };
      const run = await runJob('renewal', stack.description.functions, {
        overrides,
        args: given,
        env: { KUBECONFIG: cluster.kubeconfig },
      });
      return run.code === 0;
    },
  });
});

async function installed(): Promise<void> {
  const { code, text } = await commands.install(...ASKED, ...admission.way);
  expect([code, text]).toEqual([0, expect.stringContaining('is denied by name')]);
  // The API server forgets a policy a moment after it was deleted.
  await until('new pods are guarded no more', async () => {
    const { refusal = '' } = await tryCreatePod(podWith({ role: 'gule-rw' }), '?dryRun=All', cluster.admin);
    return !refusal.includes('vault-db-injector-no-admission');
  });
}

async function pod() {
  const stored = await createPod(podWith({ role: 'gule-rw' }), '', cluster.admin);
  const { DBUSER = '', DBPASSWORD = '' } = environmentOf(stored);
  const isAlive = () =>
    whoAmI(databaseUri(DBUSER, DBPASSWORD)).then(
      () => true,
      () => false,
    );
  expect(await isAlive()).toBe(true);
  return { name: stored.metadata.name, uuids: uuidsOf(stored), isAlive };
}

const deletePod = (name: string) =>
  cluster.kubectl('delete', 'pod', name, `--namespace=${exampleNamespace}`, '--grace-period=0', '--force');

const names = async (kind: string) =>
  (await cluster.kubectl('get', kind, '--all-namespaces', '--output=name'))
    .split('\n')
    .filter((name) => name !== '');

/** What is left of an installation, of some telling kinds. */
async function left(): Promise<string[]> {
  const kinds =
    'services.serving.knative.dev,triggers.eventing.knative.dev,brokers.eventing.knative.dev,apiserversources.sources.knative.dev,cronjobs,mutatingwebhookconfigurations';
  const all = [
    ...(await names(kinds)),
    ...(await names('validatingadmissionpolicies')),
    ...(await names('clusterroles,clusterrolebindings')).filter((name) => name.includes('vault-db-injector')),
  ];
  return all.map((name) => name.replace(/^(\w+)\.[\w.]+\//, '$1/')).toSorted();
}

async function ledger(): Promise<string[]> {
  const { status, body } = await stack.vault.ask('LIST', `${secretName}/metadata/${prefix}`);
  const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });
  return status === 404 ? [] : v.parse(Keys, JSON.parse(body)).data.keys;
}

describe('credentials are kept', () => {
  test('while pods live: admission goes, what renews and revokes stays', async () => {
    await installed();
    const living = await pod();
    const { code, text } = await commands.uninstall('--credentials', 'keep', '--settle', '0');
    expect([code, text]).toEqual([0, expect.stringContaining('1 live pods keep their credentials')]);
    expect(text).toContain(`${exampleNamespace}/${living.name}`);
    expect(await living.isAlive()).toBe(true);
    expect(await left()).toEqual(
      expect.arrayContaining([
        'service/dead-letters',
        'service/revocation',
        'trigger/revocation',
        'broker/pods',
        'apiserversource/pods',
        'cronjob/renewal',
        'validatingadmissionpolicy/vault-db-injector-pods',
        'clusterrole/vault-db-injector-renewal',
      ]),
    );
    expect((await left()).filter((name) => /admission$|mutating/.test(name))).toEqual([
      'validatingadmissionpolicy/vault-db-injector-no-admission',
    ]);
    await deletePod(living.name);
  });

  test('meanwhile pods are created without, and none with a uuid of its own making', async () => {
    const plain = await tryCreatePod(podWith({ role: 'gule-rw' }), '?dryRun=All', cluster.admin);
    expect(plain.pod?.metadata.annotations[KEPT]).toBeUndefined();
    const forged = podWith({ uuid: '019a0000-0000-7000-8000-000000000001' });
    // The API server learns of a policy a moment after it was written.
    await until('new pods are guarded', async () => {
      const { refusal = '' } = await tryCreatePod(forged, '?dryRun=All', cluster.admin);
      return refusal.includes('which is being removed from this cluster');
    });
  });

  test('whoever installs again has everything back', async () => {
    await installed();
    expect(await left()).not.toContain('validatingadmissionpolicy/vault-db-injector-no-admission');
    expect(await (await pod()).isAlive()).toBe(true);
  });

  test('until the last of them is gone: then everything goes', async () => {
    const kept = await commands.uninstall('--settle', '0');
    expect([kept.code, kept.text]).toEqual([0, expect.stringContaining('1 live pods keep')]);
    await cluster.kubectl('delete', 'pods', '--all', `--namespace=${exampleNamespace}`, '--force');
    const remaining = await left();
    misled = { vaultAddress: 'http://127.0.0.1:1' };
    const stopped = await commands.uninstall('--settle', '0');
    misled = {};
    expect([stopped.code, stopped.text]).toEqual([
      1,
      expect.stringContaining('Not everything could be revoked'),
    ]);
    expect(await left()).toEqual(remaining);
    // Somebody else's, as the Go injector's would be: the namespace has the same name.
    await cluster.kubectl('create', 'deployment', 'go-injector', '--image=x', '--namespace=vault-injector');
    const { code, text } = await commands.uninstall('--settle', '0');
    expect([code, text]).toEqual([0, expect.stringMatching(/Everything is removed, except .*go-injector/)]);
    expect([await ledger(), await left()]).toEqual([[], []]);
    expect(await names('namespaces')).toContain('namespace/vault-injector');
  });

  test('and a third time the namespace, where nothing of anybody is in it any more', async () => {
    await cluster.kubectl('delete', 'deployment', 'go-injector', '--namespace=vault-injector');
    const { code, text } = await commands.uninstall('--settle', '0');
    expect([code, text]).toEqual([0, expect.stringContaining('Everything is removed.')]);
    expect(await names('namespaces')).not.toContain('namespace/vault-injector');
  });
});

describe('credentials are revoked', () => {
  test('only if that is meant', async () => {
    await installed();
    const { code, text } = await commands.uninstall('--credentials', 'revoke');
    expect([code, text]).toEqual([2, expect.stringContaining('add --yes')]);
    expect(await left()).toContain('mutatingwebhookconfiguration/vault-db-injector');
  });

  test('not while Vault is away; and whoever installs again has them renewed again', async () => {
    const living = await pod();
    misled = { vaultAddress: 'http://127.0.0.1:1' };
    const asked = ['--credentials', 'revoke', '--yes', '--settle', '0'];
    const { code, text } = await commands.uninstall(...asked);
    misled = {};
    expect([code, text]).toEqual([1, expect.stringContaining('Not everything could be revoked')]);
    expect(await living.isAlive()).toBe(true);
    const isSuspended = () =>
      cluster.kubectl(
        'get',
        'cronjob',
        'renewal',
        '--namespace=vault-injector',
        '--output=jsonpath={.spec.suspend}',
      );
    expect(await isSuspended()).toBe('true');
    const kept = await commands.uninstall('--settle', '0');
    expect([kept.code, kept.text]).toEqual([0, expect.stringContaining('are still renewed')]);
    expect(await isSuspended()).toBe('false');
    await installed();
    expect(await isSuspended()).toBe('false');
  });

  test('of all pods, at once, and everything goes', async () => {
    const pods = [await pod(), await pod()];
    expect(await ledger()).toEqual(expect.arrayContaining(pods.flatMap(({ uuids }) => uuids)));
    const { code, text } = await commands.uninstall('--credentials', 'revoke', '--yes', '--settle', '0');
    expect([code, text]).toEqual([0, expect.stringContaining('Everything is removed')]);
    expect(await Promise.all(pods.map(({ isAlive }) => isAlive()))).toEqual([false, false]);
    expect([await ledger(), await left()]).toEqual([[], []]);
  });
});
