/** Pods that get no credentials: what their owner reads, and that nothing was made for them. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { addAppRole, addAuthRole, addDatabaseRole } from '../../stack/vault/roles.ts';
import { type Census, NOTHING, newSince, takeCensus } from '../support/census.ts';
import { container, type PodManifest, type PodWishes, podWith, tryCreatePod } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { admission, exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const asTheApiServerSaysIt =
  'admission webhook "vault-db-injector.numberly.io" denied the request: vault-db-injector: no database credentials for this pod: ';

async function refusalOf(pod: PodManifest): Promise<string> {
  const { refusal = 'the pod was created' } = await tryCreatePod(pod);
  expect(refusal.slice(0, asTheApiServerSaysIt.length)).toBe(asTheApiServerSaysIt);
  return refusal.slice(asTheApiServerSaysIt.length);
}

let before: Census;

beforeAll(async () => {
  const example = { serviceAccounts: [exampleAccount], namespaces: [exampleNamespace] };
  await createNamespace(stack.kubernetes, 'other-team', [exampleAccount]);
  await addAuthRole(stack.vault, { name: 'no-policy', ...example, policies: ['gule-rw'] });
  await addAuthRole(stack.vault, { name: 'root', ...example, policies: ['root'] });
  await addAuthRole(stack.vault, { name: 'no-database-role', ...example, policies: ['gule-rw'] });
  await addAppRole(stack.vault, {
    name: 'by-labels',
    namespaces: [],
    more: { bound_service_account_namespace_selector: '{"matchLabels":{"team":"infrastructure"}}' },
  });
});

beforeEach(async () => {
  before = await takeCensus();
});

describe('a pod that may not assume the role', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, PodWishes, string])[] = [
    [
      'service account',
      { role: 'gule-rw' },
      { serviceAccount: 'default' },
      'auth role "gule-rw" does not allow service account "default" of namespace "team-infrastructure"',
    ],
    [
      'no service account named, which means "default"',
      { role: 'gule-rw' },
      { serviceAccount: null },
      'auth role "gule-rw" does not allow service account "default" of namespace "team-infrastructure"',
    ],
    [
      'namespace',
      { role: 'gule-rw' },
      { namespace: 'other-team' },
      'auth role "gule-rw" does not allow namespace "other-team"',
    ],
    [
      'no such role',
      { role: 'gule-wr' },
      {},
      'Vault has no auth role "gule-wr" at "auth/pgsql2-dv-kubernetes1-dv-par5"',
    ],
    [
      'no policy of its name',
      { role: 'no-policy' },
      {},
      'auth role "no-policy" has no policy "no-policy" among its token_policies',
    ],
    [
      'neither a policy of the auth role nor of the database role',
      { 'db.role': 'other-rw', 'db.auth-role': 'no-policy' },
      {},
      'auth role "no-policy" has no policy "no-policy" or "other-rw" among its token_policies',
    ],
    [
      'a role of the name root',
      { role: 'root' },
      {},
      'auth role "root" has no policy "root" among its token_policies',
    ],
    [
      'namespaces by their labels',
      { role: 'by-labels' },
      {},
      'auth role "by-labels" allows namespaces by their labels (bound_service_account_namespace_selector), which the injector cannot read; name them in bound_service_account_namespaces',
    ],
    [
      'the role of the injector',
      { role: 'vault-db-injector-admission' },
      {},
      `auth role "vault-db-injector-admission" is the injector's own`,
    ],
    [
      'the role of the injector in capitals',
      { 'db.role': 'gule-rw', 'db.auth-role': 'Vault-DB-Injector-Admission' },
      {},
      `auth role "Vault-DB-Injector-Admission" is the injector's own`,
    ],
  ];

  test.each(rows)('%s', async (_, annotations, wishes, message) => {
    expect(await refusalOf(podWith(annotations, wishes))).toBe(message);
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test('several roles: all that is wrong is said at once, and the good one is not issued either', async () => {
    const pod = podWith({
      'a.role': 'gule-rw',
      'b.role': 'no-policy',
      'b.env-key-dbuser': 'B_USER',
      'b.env-key-dbpassword': 'B_PASSWORD',
      'c.role': 'nobody',
      'c.env-key-dbuser': 'C_USER',
      'c.env-key-dbpassword': 'C_PASSWORD',
    });
    expect(await refusalOf(pod)).toBe(
      'auth role "no-policy" has no policy "no-policy" among its token_policies; Vault has no auth role "nobody" at "auth/pgsql2-dv-kubernetes1-dv-par5"',
    );
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test('a review without serviceAccountName is one of the service account "default"', async () => {
    await addAppRole(stack.vault, { name: 'for-default', serviceAccounts: ['default'] });
    const wishes = { serviceAccount: null };
    const verdict = await ask(
      admission,
      reviewOf(podWith({ role: 'for-default' }, wishes), { dryRun: true }),
    );
    expect(verdict.allowed).toBe(true);
    const denial = await ask(admission, reviewOf(podWith({ role: 'gule-rw' }, wishes)));
    expect(denial).toMatchObject({ allowed: false, code: 403 });
    expect(denial.message).toContain('does not allow service account "default"');
  });
});

describe('a pod whose annotations are not valid', () => {
  test('every problem is named at once', async () => {
    const pod = podWith(
      { 'a.role': '../all-rw', 'a.cluster': 'sys/', 'b.mode': 'url', containers: 'app,ap' },
      { containers: [container('app'), container('web')] },
    );
    const problems = (await refusalOf(pod)).split('; ');
    const at = 'annotation "db-creds-injector.numberly.io';
    expect(problems).toEqual([
      `${at}/a.role" is "../all-rw": expected a role of the database engine (letters, digits, "_", "-", "." and "@")`,
      `${at}/a.cluster" is "sys/": expected a database engine's mount, such as "databases" (no "..", no leading "/")`,
      expect.stringContaining(`${at}/b.role" is missing: expected a role`),
      `${at}/b.mode" is "url": expected "classic", "uri" or "template"`,
      'annotation "containers" names "ap": expected one of app, web',
    ]);
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test.each([
    ['no database at all', {}, 'no database is asked for: expected an annotation'],
    ['a role that leaves its path', { role: 'gule-rw/../../all-rw' }, 'role" is "gule-rw/../../all-rw"'],
    ['a role that leaves its path, encoded', { role: '..%2fall-rw' }, 'role" is "..%2fall-rw"'],
    [
      'an auth role that leaves its path',
      { 'db.role': 'gule-rw', 'db.auth-role': 'x/../y' },
      'auth-role" is',
    ],
    ['an engine of Vault itself', { role: 'gule-rw', cluster: 'auth/token' }, 'cluster" is "auth/token"'],
    ['an engine outside', { role: 'gule-rw', cluster: '/sys' }, 'cluster" is "/sys"'],
  ])('%s', async (_, annotations, message) => {
    expect(await refusalOf(podWith(annotations))).toContain(message);
    expect(await newSince(before)).toEqual(NOTHING);
  });
});

describe('a pod whose role Vault will not issue for', () => {
  test('the database role does not exist: the token that was made for it is gone', async () => {
    await addAppRole(stack.vault, { name: 'half-done' });
    await stack.vault.call('DELETE', 'pgsql2-dv/roles/half-done');
    const message = await refusalOf(podWith({ role: 'half-done' }));
    expect(message).toBe(
      'Vault would not issue credentials of role "half-done" at "pgsql2-dv" (HTTP 400: unknown role: half-done)',
    );
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test("its policy does not allow the engine's path", async () => {
    await addDatabaseRole(stack.vault, { name: 'unreadable' });
    const message = await refusalOf(podWith({ 'db.role': 'unreadable', 'db.auth-role': 'gule-rw' }));
    expect(message).toBe('the role\'s policy does not allow to read "pgsql2-dv/creds/unreadable" in Vault');
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test('PostgreSQL will not make the user', async () => {
    await addAppRole(stack.vault, { name: 'groupless', group: 'no-such-group' });
    const message = await refusalOf(podWith({ role: 'groupless' }));
    expect(message).toMatch(
      /^Vault would not issue credentials of role "groupless" at "pgsql2-dv" \(HTTP \d+: .*no-such-group/,
    );
    expect(await newSince(before)).toEqual(NOTHING);
  });
});
