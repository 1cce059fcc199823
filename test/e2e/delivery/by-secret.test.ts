/** Credentials in a Secret, which the pod only refers to: made with the pod, gone with it. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, expectNothingNewSince, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { canLogIn, deletePod, toldOf, usersLeft } from '../support/fleet-state.ts';
import { secretNames, secretOf } from '../support/pod-secrets.ts';
import { createPod, environmentOf, podWith, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { databaseTemplate, databaseUri, whoAmI } from '../support/postgres.ts';
import { createNamespaceWithout } from '../support/quotas.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { exampleNamespace, stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR, sweepIn } from '../support/sweeping.ts';

const text = (data: Readonly<Record<string, string>>, key: string) =>
  Buffer.from(data[key] ?? '', 'base64').toString();
const two = {
  'a.role': 'gule-rw',
  'b.role': 'other-rw',
  'b.mode': 'uri',
  'b.template': databaseTemplate,
  'b.env-key-uri': 'DATABASE_URL',
};

describe('a pod, through the API server', () => {
  test('refers to one immutable Secret of ours, which holds what lets it in', async () => {
    const pod = await createPod(podWith(two));
    const uuids = uuidsOf(pod);
    const name = `db-creds-${uuids[0]}`;
    const path = `/api/v1/namespaces/${exampleNamespace}/pods/${pod.metadata.name}`;
    const stored = JSON.stringify(await stack.kubernetes.call('GET', path));
    for (const key of ['DBUSER', 'DBPASSWORD', 'DATABASE_URL'])
      expect(stored).toContain(JSON.stringify({ name: key, valueFrom: { secretKeyRef: { name, key } } }));
    const secret = await secretOf({ uuids });
    expect(secret).toMatchObject({
      type: 'vault-db-injector.numberly.io/credentials',
      immutable: true,
      metadata: {
        annotations: {
          'vault-db-injector.numberly.io/uuids': uuids.join(','),
          'vault-db-injector.numberly.io/databases': 'a,b',
        },
      },
    });
    const data = secret?.data ?? {};
    const [user, password, uri] = ['DBUSER', 'DBPASSWORD', 'DATABASE_URL'].map((key) => text(data, key));
    expect(stored).not.toContain(password);
    expect((await whoAmI(databaseUri(user ?? '', password ?? ''))).loggedInAs).toBe(user);
    expect((await whoAmI(uri ?? '')).loggedInAs).toMatch(/^other-rw-/);
  });

  test('may not choose where nobody allows it', async () => {
    const { refusal } = await tryCreatePod(podWith({ 'a.role': 'gule-rw', 'a.delivery': 'env' }));
    expect(refusal).toMatch(/a\.delivery" is "env": expected "secret", since pods may not choose here/);
  });

  test('cannot have Kubernetes expand its template', async () => {
    const template = 'postgres://@$(HOST):5432/db';
    const { refusal } = await tryCreatePod(podWith({ ...two, 'b.template': template }));
    expect(refusal).toMatch(/b\.template" is "\$\(…\)": expected no reference/);
  });

  test('is refused where its namespace may have no further Secret, and everything is undone', async () => {
    const namespace = 'without-secrets';
    await addAppRole(stack.vault, { name: 'anywhere-rw', namespaces: ['*'] });
    const secret = { metadata: { generateName: 'any-' } };
    await createNamespaceWithout(namespace, 'count/secrets', async () => {
      const { body } = await stack.kubernetes.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, secret);
      return body;
    });
    const before = await takeCensus();
    const { refusal } = await tryCreatePod(podWith({ role: 'anywhere-rw' }, { namespace }));
    expect(refusal).toMatch(/namespace "without-secrets" may have no further Secret.*exceeded quota/);
    expect(await secretNames(namespace)).toEqual([]);
    await expectNothingNewSince(before);
  });
});

describe('where pods may choose', () => {
  const proxy = startFaultProxy();
  let admission: AdmissionFunction;
  beforeAll(async () => {
    const overrides = { delivery: 'env', podsMayChooseDelivery: true };
    admission = await startAdmission(await proxy, { overrides });
  });

  test('one database comes by Secret, and the other stands in the pod', async () => {
    const pod = podWith({ ...two, 'a.delivery': 'secret' });
    const verdict = await ask(admission, reviewOf(pod));
    const [app] = patched(pod, verdict).spec.containers;
    const env = new Map(app?.env?.map((variable) => [variable.name, variable]));
    expect(env.get('DBUSER')?.value).toBeUndefined();
    expect(env.get('DATABASE_URL')?.value).toMatch(/^postgres:\/\/other-rw-/);
    const uuids = uuidsOf(patched(pod, verdict));
    expect(Object.keys((await secretOf({ uuids }))?.data ?? {}).toSorted()).toEqual(['DBPASSWORD', 'DBUSER']);
  });
});

describe('an admission that fails half-way', () => {
  const starting = startFaultProxy();
  let admission: AdmissionFunction;
  let before: Census;
  let secrets: readonly string[];
  beforeAll(async () => {
    admission = await startAdmission(await starting, { overrides: { delivery: 'secret' } });
  });
  beforeEach(async () => {
    before = await takeCensus();
    secrets = await secretNames();
  });
  afterEach(async () => (await starting).heal());

  test.each(['credentials', 'record'] as const)('at its %s: no Secret is left', async (step) => {
    const proxy = await starting;
    proxy.failWhere(step, step === 'record' ? /./ : /other-rw/, answering(400, '{"errors":["no"]}'));
    expect((await ask(admission, reviewOf(podWith(two)))).allowed).toBe(false);
    await expectNothingNewSince(before);
    await expect.poll(() => secretNames()).toEqual(secrets);
  });
});

describe('with its pod', () => {
  let fleet: Fleet;
  beforeEach(async () => {
    fleet = await openFleet();
  });

  test('it is given an owner by the next sweep, once', async () => {
    const pod = await fleet.pod();
    expect((await secretOf(pod))?.metadata.ownerReferences).toEqual([]);
    await sweepIn(0, fleet);
    expect((await secretOf(pod))?.metadata.ownerReferences).toMatchObject([{ kind: 'Pod', name: pod.name }]);
    const patches: string[] = [];
    const setOwner = async (name: string) => patches.push(name) > 0;
    await sweepIn(0, fleet, { parts: () => ({ secrets: { setOwner } }) });
    expect(patches).toEqual([]);
  });

  test('that is gone while its pod lives is told of, on the pod', async () => {
    const pod = await fleet.pod();
    const path = `/api/v1/namespaces/${exampleNamespace}/secrets/db-creds-${pod.uuid}`;
    await stack.kubernetes.call('DELETE', path);
    expect((await sweepIn(0, fleet)).code).toBe(0);
    expect(await toldOf(pod)).toEqual([
      { reason: 'SecretGone', message: expect.stringContaining('the pod has to be replaced') },
    ]);
  });

  test('it goes by the event of its deletion', async () => {
    const pod = await fleet.pod();
    const revocation = await startRevocation(fleet);
    await deletePod(pod);
    expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    expect(await secretOf(pod)).toBeUndefined();
    expect(await usersLeft(fleet)).toEqual([]);
  });

  test('it goes by the sweep, where no event came', async () => {
    const [orphan] = await fleet.orphans(1);
    if (!orphan) throw new Error('one was asked for');
    expect(await secretOf(orphan)).toBeDefined();
    const { code, report } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.revoked]).toEqual([0, 1]);
    expect(await secretOf(orphan)).toBeUndefined();
  });

  test('one that somebody has deleted is no reason to keep a grant', async () => {
    const [orphan] = await fleet.orphans(1);
    if (!orphan) throw new Error('one was asked for');
    const name = `db-creds-${orphan.uuid}`;
    await stack.kubernetes.call('DELETE', `/api/v1/namespaces/${orphan.namespace}/secrets/${name}`);
    expect((await sweepIn(AFTER_GRACE, fleet)).report.revoked).toBe(1);
  });

  test('of a live pod it stays, however often it is swept and the pod renewed', async () => {
    const pod = await fleet.pod();
    for (const later of [AFTER_GRACE, HOUR * 0.7]) await sweepIn(later, fleet);
    await until('it is there', async () => (await secretOf(pod)) !== undefined);
    expect(await canLogIn(pod)).toBe(true);
    expect(environmentOf(await createPod(podWith({ role: 'gule-rw' })))['DBUSER']).toMatch(/^gule-rw-/);
  });
});
