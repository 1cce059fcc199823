/**
 * `useProjectedSA`: the function uses Vault as the pod's own service account. Its own policy then allows it only to
 * write its ledger.
 */
import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audience } from '../../stack/vault/names.ts';
import { processPolicy } from '../../stack/vault/policies.ts';
import { addAppRole, addAuthRole, addPolicy } from '../../stack/vault/roles.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, expectNothingNewSince, takeCensus } from '../support/census.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { usersLeft } from '../support/fleet-state.ts';
import { kubectl } from '../support/kubectl.ts';
import { parseMetrics } from '../support/metrics.ts';
import { createPod, environmentOf, type PodWishes, podWith, uuidsOf } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';
import { AFTER_GRACE, HOUR, sweepIn } from '../support/sweeping.ts';

const COMPONENT = 'knative/components/projected-service-accounts';

let strict: StrictFleet;
let proxy: FaultProxy;
let admission: AdmissionFunction;

beforeAll(async () => {
  for (const file of ['rbac.yaml', 'token-guard.yaml'])
    await kubectl(['apply', '--server-side', `--filename=${COMPONENT}/${file}`]);
});
afterAll(async () => {
  for (const file of ['rbac.yaml', 'token-guard.yaml'])
    await kubectl(['delete', '--ignore-not-found', `--filename=${COMPONENT}/${file}`]);
});

beforeEach(async () => {
  strict = await openStrictFleet();
  const { ledgerPrefix } = strict;
  const name = `${ledgerPrefix}-projected`;
  await addPolicy(stack.vault, name, await processPolicy('admission-projected', { ledgerPrefix }));
  await addAuthRole(stack.vault, {
    name,
    serviceAccounts: ['*'],
    namespaces: ['vault-injector'],
    policies: [name],
    audience,
    more: { token_no_default_policy: true },
  });
  proxy = await startFaultProxy();
  const keys = { ...strict.fleet.keys, kubeRole: name, useProjectedSA: true };
  admission = await startAdmission(proxy, { overrides: keys });
});
afterEach(() => proxy.heal());

const wishing = (wishes: PodWishes = {}): PodWishes => ({
  ...wishes,
  labels: { [strict.fleet.label]: 'true', 'stack.test/unguarded': 'true' },
});

async function admitted(annotations: Readonly<Record<string, string>> = { role: 'gule-rw' }) {
  const manifest = podWith(annotations, wishing());
  const pod = patched(manifest, await ask(admission, reviewOf(manifest)));
  const [app] = pod.spec.containers;
  const env = new Map(app?.env?.map(({ name, value = '' }) => [name, value]));
  return { pod, uuids: uuidsOf(pod), user: env.get('DBUSER') ?? '', password: env.get('DBPASSWORD') ?? '' };
}

test('the pod gets credentials, by a login of its own', async () => {
  const { uuids, user, password } = await admitted();
  expect((await whoAmI(databaseUri(user, password))).loggedInAs).toBe(user);
  expect([proxy.count('role'), proxy.count('token'), proxy.count('credentials')]).toEqual([0, 0, 1]);
  // One of the function, one of the pod.
  expect(proxy.count('login')).toBe(2);
  const [uuid = ''] = uuids;
  const record = await strict.fleet.record(uuid);
  const token = { accessor: record['TokenAccessor'], token: record['TokenId'] };
  const path = token.accessor ? 'auth/token/lookup-accessor' : 'auth/token/lookup';
  const { data } = v.parse(
    v.object({ data: v.object({ meta: v.record(v.string(), v.string()), policies: v.array(v.string()) }) }),
    await stack.vault.call(
      'POST',
      path,
      token.accessor ? { accessor: token.accessor } : { token: token.token },
    ),
  );
  expect(data.meta).toMatchObject({
    service_account_name: exampleAccount,
    service_account_namespace: exampleNamespace,
  });
  expect(data.policies).toContain('gule-rw');
});

test('beside grants of before, in one ledger: all are renewed, and revoked', async () => {
  const { pod, uuids, user } = await admitted();
  const stored = await createPod(pod);
  const before = await strict.fleet.pod();
  const renewal = { keys: strict.keysOf('renewal') };
  const { code, report } = await sweepIn(HOUR * 0.8, strict.fleet, renewal);
  expect([code, report.live, report.renewed]).toEqual([0, 2, 2]);
  const revocation = await startRevocation(strict.fleet, strict.keysOf('revocation'));
  const gone = [{ namespace: exampleNamespace, name: stored.metadata.name, uuids }, before];
  for (const { namespace, name, uuids: grants } of gone) {
    await stack.kubernetes.call(
      'DELETE',
      `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`,
    );
    expect((await send(revocation, { data: dataOf({ namespace, name, uuids: grants }) })).status).toBe(204);
  }
  expect(await strict.fleet.records()).toEqual([]);
  expect(await usersLeft(strict.fleet)).toEqual([]);
  expect((await takeCensus()).databaseUsers).not.toContain(user);
});

test('without a pod it is revoked by the sweep', async () => {
  await admitted();
  const { code, report } = await sweepIn(AFTER_GRACE, strict.fleet, { keys: strict.keysOf('renewal') });
  expect([code, report.revoked]).toEqual([0, 1]);
});

describe('denied, and nothing is left', () => {
  let before: Census;
  beforeEach(async () => {
    before = await takeCensus();
  });
  const denialOf = async (annotations: Readonly<Record<string, string>>, wishes: PodWishes = {}) => {
    const { allowed, message } = await ask(admission, reviewOf(podWith(annotations, wishing(wishes))));
    expect(allowed).toBe(false);
    await expectNothingNewSince(before);
    return message;
  };

  test('a service account that the role does not allow, in Vault’s own words', async () => {
    const message = await denialOf({ role: 'gule-rw' }, { serviceAccount: 'default' });
    expect(message).toMatch(
      /Vault does not let the pod's service account log in with auth role "gule-rw": .*not authorized/,
    );
    const counted = parseMetrics((await admission.get('/metrics')).body);
    const labels = `service_account_name="default",namespace="${exampleNamespace}",db_role="unknown",cause="login"`;
    expect(counted[`vault_injector_service_account_denied_count{${labels}}`]).toBe(1);
  });

  test('a service account that is not there', async () => {
    const message = await denialOf({ role: 'gule-rw' }, { serviceAccount: 'nobody' });
    expect(message).toContain('serviceaccounts "nobody" not found');
  });

  test('a role whose tokens cannot be renewed', async () => {
    await addAuthRole(stack.vault, {
      name: 'batch-rw',
      serviceAccounts: ['*'],
      namespaces: ['*'],
      policies: ['gule-rw'],
      more: { token_type: 'batch' },
    });
    const message = await denialOf({ 'a.role': 'gule-rw', 'a.auth-role': 'batch-rw' });
    expect(message).toContain('auth role "batch-rw" gives tokens that cannot be renewed');
  });
});

test('a dry run asks nobody', async () => {
  const manifest = podWith({ role: 'gule-rw' }, wishing());
  expect((await ask(admission, reviewOf(manifest, { dryRun: true }))).allowed).toBe(true);
  expect([proxy.count('login'), proxy.count('credentials')]).toEqual([1, 0]);
});

test('a login that has a last day: its pod’s owner hears of it', async () => {
  const name = 'ending-login-rw';
  await addAppRole(stack.vault, { name, defaultTtl: '3h' });
  await addAuthRole(stack.vault, {
    name,
    serviceAccounts: ['*'],
    namespaces: ['*'],
    policies: [name],
    tokenTtl: 60,
    more: { token_max_ttl: 61 },
  });
  const { pod } = await admitted({ role: name });
  await createPod(pod);
  const keys = strict.keysOf('renewal');
  await expect
    .poll(async () => (await sweepIn(HOUR * 0.9, strict.fleet, { keys })).report.ending, {
      interval: 8_000,
      timeout: 60_000,
    })
    .toBe(1);
  expect(environmentOf(await createPod(podWith({ role: 'gule-rw' })))['DBUSER']).toBeDefined();
});

describe('whoever takes the admission function over', () => {
  const tokenOf = (account: string, namespace: string, ...options: readonly string[]) =>
    kubectl([
      ...['create', 'token', account, `--namespace=${namespace}`, ...options],
      '--as=system:serviceaccount:vault-injector:vault-db-injector-admission',
    ]);

  test('has tokens that Vault takes, and that the API server does not', async () => {
    expect((await tokenOf(exampleAccount, exampleNamespace, '--audience=vault')).ok).toBe(true);
    const refusals = await Promise.all([
      tokenOf(exampleAccount, exampleNamespace),
      tokenOf(exampleAccount, exampleNamespace, '--audience=https://kubernetes.default.svc.cluster.local'),
      tokenOf(exampleAccount, exampleNamespace, '--audience=vault', '--duration=24h'),
      tokenOf('vault-db-injector-renewal', 'vault-injector', '--audience=vault'),
    ]);
    expect(
      refusals.map(({ ok, output }) => [
        ok,
        /vault-db-injector may (?:not )?create service account tokens/.test(output),
      ]),
    ).toEqual(refusals.map(() => [false, true]));
  });
});
