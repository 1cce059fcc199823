/** Who is asked for a pod's credentials while both injectors are there: the commands of docs/migrate.md, one after the other. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import { version } from 'uuid';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findOrInstall } from '../../stack/install/index.ts';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { secretPrefix } from '../../stack/vault/names.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { readRecord, removeRecord, takeCensus } from '../support/census.ts';
import { kubectl } from '../support/kubectl.ts';
import { createPod, environmentOf, podWith, uuidsOf } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';
import { createReferenceInjector, type ReferenceInjector } from './reference-injector.ts';
import { serveReferenceWebhook } from './reference-webhook.ts';

const text = await readFile('docs/migrate.md', 'utf8');
const scripts = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, script = '']) => script);
const [leaveOut = '', takeOnly = '', move = '', takeRest = ''] = scripts;

const [THEIRS, LAST] = ['kube-vault-db-injector', 'zz-vault-db-injector'];
const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const Ours = v.looseObject({ webhooks: v.array(v.looseObject({})) });
const readOurs = async () => v.parse(Ours, await stack.kubernetes.call('GET', `${path}/vault-db-injector`));
const { webhooks } = await readOurs();
const earlier = await takeCensus();
const folder = await mkdtemp(join(tmpdir(), 'migration-'));
const staying = 'staying';
let theirs: ReferenceInjector;
let theirWebhook: (name: string) => object;

/** Waits until the API server acts upon all that was written. */
const inEffect = () => stack.restoreWebhook();

async function run(script: string): Promise<void> {
  const { kubeconfig: KUBECONFIG } = stack.description.kubernetes;
  const PATH = [dirname(await findOrInstall('kubectl', () => {})), process.env['PATH']].join(delimiter);
  await execa('sh', ['-euc', script], { cwd: folder, env: { KUBECONFIG, PATH, THEIRS } });
  await inEffect();
}

beforeAll(async () => {
  await addAppRole(stack.vault, { name: 'anywhere', namespaces: ['*'] });
  await createNamespace(stack.kubernetes, staying, [exampleAccount]);
  theirs = await createReferenceInjector({ prefix: secretPrefix, label: 'vault-db-injector' });
  theirWebhook = await serveReferenceWebhook(theirs);
});

afterAll(async () => {
  for (const name of [THEIRS, LAST]) await stack.kubernetes.ask('DELETE', `${path}/${name}`);
  await stack.kubernetes.call('PUT', `${path}/vault-db-injector`, { ...(await readOurs()), webhooks });
  await kubectl(['label', 'namespace', exampleNamespace, 'vault-db-injector.numberly.io/next-']);
  await inEffect();
  // Some of them were overwritten: no pod's deletion ends them.
  const { records } = await takeCensus();
  for (const uuid of records.filter((one) => !earlier.records.includes(one))) {
    const ours = await readRecord(uuid).catch(() => undefined);
    // Named by its accessor, which theirs cannot read.
    if (ours) await stack.vault.call('POST', 'auth/token/revoke-accessor', { accessor: ours.TokenAccessor });
    else await theirs.deleted({ uuids: [uuid] });
    await removeRecord(uuid);
  }
  await rm(folder, { recursive: true });
});

async function install(name: string): Promise<void> {
  await stack.kubernetes.call('POST', path, theirWebhook(name));
  await inEffect();
}
const remove = async (name: string) => {
  await stack.kubernetes.call('DELETE', `${path}/${name}`);
  await inEffect();
};

const versionsOf = (uuids: readonly string[]) => uuids.map(version).sort();

/** Who gave a new pod its uuid, and who issued something: 1 is theirs, 7 ours. The pod's credentials work. */
async function admittedIn(namespace: string) {
  const { records } = await takeCensus();
  const asked = podWith({ 'db.role': 'anywhere' }, { namespace });
  const pod = await createPod(asked);
  const issued = (await takeCensus()).records.filter((uuid) => !records.includes(uuid));
  const { DBUSER = '', DBPASSWORD = '' } = environmentOf(pod);
  expect((await whoAmI(databaseUri(DBUSER, DBPASSWORD))).loggedInAs).toBe(DBUSER);
  return { pod: versionsOf(uuidsOf(pod)), issued: versionsOf(issued) };
}
const OURS = { pod: [7], issued: [7] };
const THE_REFERENCES = { pod: [1], issued: [1] };
/** Pods of a namespace whose label has just been changed. */
const soon = (namespace: string) =>
  expect.poll(() => admittedIn(namespace), { timeout: 10_000, interval: 200 });

describe('where both are asked', () => {
  test.each([
    ['theirs first: ours counts', THEIRS, { pod: [7], issued: [1, 7] }],
    ['ours first: theirs counts', LAST, { pod: [1], issued: [1, 7] }],
  ])('%s, and what has no pod is left to the sweeps', async (_, name, expected) => {
    await install(name);
    expect(await admittedIn(exampleNamespace)).toEqual(expected);
    await remove(name);
  });
});

describe('step by step', () => {
  test('3: theirs leaves an empty namespace out; until ours does with all others, both are asked', async () => {
    await install(THEIRS);
    await run(leaveOut);
    await kubectl(['create', 'serviceaccount', exampleAccount, '--namespace=injector-trial']);
    await soon('injector-trial').toEqual(OURS);
    expect(await admittedIn(staying)).toEqual({ pod: [7], issued: [1, 7] });
  });

  test('3: ours takes that namespace and no other', async () => {
    await run(takeOnly);
    expect(await admittedIn('injector-trial')).toEqual(OURS);
    for (const namespace of [staying, exampleNamespace])
      expect(await admittedIn(namespace)).toEqual(THE_REFERENCES);
  });

  test('4: a namespace is moved by its label, and back', async () => {
    await run(move);
    await soon(exampleNamespace).toEqual(OURS);
    expect(await admittedIn(staying)).toEqual(THE_REFERENCES);
    await run(move.replace('next=true', 'next-'));
    await soon(exampleNamespace).toEqual(THE_REFERENCES);
    await run(move);
    await soon(exampleNamespace).toEqual(OURS);
  });

  test('5: the rest is moved, and theirs is gone', async () => {
    await run(takeRest);
    for (const namespace of [staying, exampleNamespace]) expect(await admittedIn(namespace)).toEqual(OURS);
    expect((await readOurs()).webhooks).toEqual(webhooks);
  });

  test('back: what was kept of theirs is created, and asked wherever ours is told not to be', async () => {
    await run('kubectl create --filename=theirs.yaml');
    expect(await admittedIn(staying)).toEqual({ pod: [7], issued: [1, 7] });
    await run(takeOnly);
    expect(await admittedIn(staying)).toEqual(THE_REFERENCES);
  });
});
