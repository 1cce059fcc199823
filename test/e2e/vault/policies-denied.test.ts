/** Least privilege in Vault: what a process does not need is denied to it, as Vault says when asked and when it is done. */
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { createVaultApi, type VaultApi } from '../../stack/vault/api.ts';
import { authPath, connection, databaseMount, secretName } from '../../stack/vault/names.ts';
import type { ProcessPolicy } from '../../stack/vault/policies.ts';
import { addPolicy, readPolicy } from '../../stack/vault/roles.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { openBao, stack } from '../support/stack.ts';

const Created = v.object({ auth: v.object({ client_token: v.string() }) });
const Capabilities = v.object({ data: v.record(v.string(), v.unknown()) });

const names: readonly ProcessPolicy[] = ['admission', 'renewal', 'revocation', 'approle'];
const application = 'strict-app-rw';
let strict: StrictFleet;
const tokens = new Map<string, string>();

beforeAll(async () => {
  await addPolicy(stack.vault, application, await readPolicy('gule-rw'));
  strict = await openStrictFleet({ applicationPolicies: [application] });
  for (const name of names) {
    for (const withDefault of [true, false]) {
      const body = { policies: [strict.roleOf(name)], no_default_policy: !withDefault };
      const { auth } = v.parse(Created, await stack.vault.call('POST', 'auth/token/create', body));
      tokens.set(`${name} ${withDefault}`, auth.client_token);
    }
  }
});

const tokenOf = (name: ProcessPolicy, withDefault: boolean) => tokens.get(`${name} ${withDefault}`) ?? '';

async function capabilities(name: ProcessPolicy, paths: readonly string[], withDefault = false) {
  const body = { token: tokenOf(name, withDefault), paths };
  const { data } = v.parse(Capabilities, await stack.vault.call('POST', 'sys/capabilities', body));
  return Object.fromEntries(paths.map((path) => [path, data[path]]));
}

/** `+` stands for the ledger's folder. */
const inLedger = (path: string) => path.replace('+', strict.ledgerPrefix);
const uuid = '019a0000-0000-7000-8000-000000000000';
const ledger = {
  record: `${secretName}/data/+/${uuid}`,
  metadata: `${secretName}/metadata/+/${uuid}`,
  list: `${secretName}/metadata/+`,
  last: `${secretName}/data/+-sweep/last-0`,
  index: `${secretName}/data/+-sweep/index-0-of-1`,
  slot: `${secretName}/metadata/+-held/team/pgsql2-dv/gule-rw/${uuid}`,
  slots: `${secretName}/metadata/+-held/team/pgsql2-dv/gule-rw`,
  indexMetadata: `${secretName}/metadata/+-sweep/index-0-of-1-0`,
};
const other = {
  role: `auth/${authPath}/role/gule-rw`,
  createOrphan: 'auth/token/create-orphan',
  renew: 'auth/token/renew',
  renewAccessor: 'auth/token/renew-accessor',
  revoke: 'auth/token/revoke',
  revokeAccessor: 'auth/token/revoke-accessor',
  renewSelf: 'auth/token/renew-self',
  revokeSelf: 'auth/token/revoke-self',
  renewLease: 'sys/leases/renew',
  lookUpLease: 'sys/leases/lookup',
  revokeLease: 'sys/leases/revoke',
  secretId: 'auth/approle/role/gule/secret-id',
};
const all = [...Object.values(ledger), ...Object.values(other)];

const allowed: Readonly<Record<ProcessPolicy, Readonly<Record<string, readonly string[]>>>> = {
  admission: {
    [ledger.record]: ['create', 'update'],
    [ledger.metadata]: ['delete'],
    [ledger.last]: ['read'],
    [ledger.slot]: ['create', 'delete', 'list', 'update'],
    [ledger.slots]: ['create', 'delete', 'list', 'update'],
    [other.role]: ['read'],
    [other.createOrphan]: ['sudo', 'update'],
    [other.revoke]: ['update'],
    [other.renewSelf]: ['update'],
    [other.revokeSelf]: ['update'],
  },
  renewal: {
    [ledger.record]: ['read', 'update'],
    [ledger.metadata]: ['delete', 'update'],
    [ledger.list]: ['list'],
    [ledger.last]: ['create', 'read', 'update'],
    [ledger.index]: ['create', 'read', 'update'],
    [ledger.slot]: ['create', 'delete', 'list', 'update'],
    [ledger.slots]: ['create', 'delete', 'list', 'update'],
    [ledger.indexMetadata]: ['create', 'update'],
    [other.renew]: ['update'],
    [other.renewAccessor]: ['update'],
    [other.revoke]: ['update'],
    [other.revokeAccessor]: ['update'],
    [other.revokeSelf]: ['update'],
    [other.renewLease]: ['update'],
    [other.lookUpLease]: ['update'],
    [other.revokeLease]: ['update'],
  },
  revocation: {
    [ledger.record]: ['read', 'update'],
    [ledger.metadata]: ['delete'],
    [ledger.slot]: ['delete'],
    [ledger.slots]: ['delete'],
    [other.revoke]: ['update'],
    [other.revokeAccessor]: ['update'],
    [other.renewSelf]: ['update'],
    [other.revokeSelf]: ['update'],
    [other.lookUpLease]: ['update'],
    [other.revokeLease]: ['update'],
  },
  approle: {
    [other.secretId]: ['update'],
    [other.renewSelf]: ['update'],
    [other.revokeSelf]: ['update'],
  },
};

const nobodys = [
  // Other clusters' records, and what else a KV engine knows.
  `${secretName}/data/another/${uuid}`,
  `${secretName}/metadata/another/${uuid}`,
  `${secretName}/data/another-sweep/last-0`,
  `${secretName}/data/+-held/team/pgsql2-dv/gule-rw/${uuid}`,
  `${secretName}/metadata/another-held/team/pgsql2-dv/gule-rw/${uuid}`,
  `${secretName}/data/+/folder/${uuid}`,
  `${secretName}/data/+`,
  `${secretName}/metadata`,
  `${secretName}/delete/+/${uuid}`,
  `${secretName}/undelete/+/${uuid}`,
  `${secretName}/destroy/+/${uuid}`,
  `${secretName}/subkeys/+/${uuid}`,
  `${secretName}/config`,
  'secret/data/anything',
  // The database engine.
  `${databaseMount}/creds/gule-rw`,
  `${databaseMount}/roles/gule-rw`,
  `${databaseMount}/config/${connection}`,
  `${databaseMount}/rotate-root/${connection}`,
  `${databaseMount}/static-creds/gule-rw`,
  // Tokens, but those that are known.
  'auth/token/create',
  'auth/token/create/gule-rw',
  'auth/token/roles/gule-rw',
  'auth/token/lookup',
  'auth/token/lookup-accessor',
  'auth/token/revoke-orphan',
  'auth/token/accessors',
  // AppRoles, but for making a secret_id.
  'auth/approle/role',
  'auth/approle/role/gule',
  'auth/approle/role/gule/role-id',
  'auth/approle/role/gule/custom-secret-id',
  'auth/approle/role/gule/secret-id/lookup',
  'auth/approle/role/gule/secret-id/destroy',
  'auth/approle/role/gule/secret-id-accessor/lookup',
  'auth/approle/role/gule/secret-id-accessor/destroy',
  'auth/approle/role/gule/policies',
  'auth/other/role/gule/secret-id',
  // Who may log in, and as what.
  `auth/${authPath}/config`,
  `auth/${authPath}/role`,
  'identity/entity',
  'identity/group',
  'identity/oidc/config',
  'sys/policies/acl/gule-rw',
  'sys/policy/gule-rw',
  'sys/auth/userpass',
  // Vault itself.
  'sys/mounts/anything',
  'sys/leases/revoke-prefix/pgsql2-dv',
  'sys/leases/revoke-force/pgsql2-dv',
  'sys/leases/lookup/pgsql2-dv/creds',
  'sys/leases/count',
  'sys/audit/file',
  'sys/namespaces/anything',
  'sys/config/cors',
  'sys/raw/core',
  'sys/rotate',
  'sys/seal',
  'sys/step-down',
  'sys/storage/raft/snapshot',
  'transit/encrypt/anything',
];

describe.each(names)('%s', (name) => {
  test('has exactly these capabilities', async () => {
    const expected = all.map((path) => [inLedger(path), allowed[name][path] ?? ['deny']]);
    expect(await capabilities(name, all.map(inLedger))).toEqual(Object.fromEntries(expected));
  });

  test.each([true, false])('has none elsewhere (with the policy "default": %s)', async (withDefault) => {
    const paths = nobodys.map(inLedger);
    const expected = paths.map((path) => [path, ['deny']]);
    expect(await capabilities(name, paths, withDefault)).toEqual(Object.fromEntries(expected));
  });
});

type Call = readonly [...Parameters<VaultApi['ask']>];

const policy = (of: string) => ({ policies: [of], period: '1h' });
const attempts: readonly (readonly [ProcessPolicy, string, Call])[] = [
  ['admission', 'read a record', ['GET', ledger.record]],
  ['admission', 'list the ledger', ['LIST', ledger.list]],
  ['admission', 'change a role', ['POST', other.role, { token_policies: ['root'] }]],
  ['admission', 'give the renewal’s policy', ['POST', other.createOrphan, policy('+-renewal')]],
  [
    'admission',
    'give two',
    ['POST', other.createOrphan, { policies: [application, 'default'], period: '1h' }],
  ],
  ['admission', 'choose the token', ['POST', other.createOrphan, { ...policy(application), id: 'hers' }]],
  [
    'admission',
    'give a token for an entity',
    ['POST', other.createOrphan, { ...policy(application), entity_alias: 'x' }],
  ],
  ['admission', 'have its own policy, by naming none', ['POST', other.createOrphan, {}]],
  ['admission', 'have its own policy, by no body', ['POST', other.createOrphan]],
  ['admission', 'have its own policy, by a period alone', ['POST', other.createOrphan, { period: '1h' }]],
  [
    'admission',
    'have its own policy, by an empty list',
    ['POST', other.createOrphan, { policies: [], period: '1h' }],
  ],
  [
    'admission',
    'have its own policy, by an empty text',
    ['POST', other.createOrphan, { policies: '', period: '1h' }],
  ],
  [
    'admission',
    'have its own policy, by null',
    ['POST', other.createOrphan, { policies: null, period: '1h' }],
  ],
  [
    'admission',
    'have its own policy, by its name in a text',
    ['POST', other.createOrphan, { policies: '+-admission', period: '1h' }],
  ],
  ['admission', 'have a token without a period', ['POST', other.createOrphan, { policies: [application] }]],
  [
    'admission',
    'have one with an empty period',
    ['POST', other.createOrphan, { policies: [application], period: '0' }],
  ],
  [
    'admission',
    'make a child of its login',
    ['POST', other.createOrphan, { ...policy(application), no_parent: false }],
  ],
  [
    'admission',
    'make a batch token',
    ['POST', other.createOrphan, { ...policy(application), type: 'batch' }],
  ],
  ['admission', 'issue credentials', ['GET', `${databaseMount}/creds/gule-rw`]],
  ['renewal', 'make a record', ['POST', `${secretName}/data/+/new`, { data: {} }]],
  ['renewal', 'read another cluster’s', ['GET', `${secretName}/data/another/${uuid}`]],
  ['renewal', 'make a token', ['POST', other.createOrphan, policy('default')]],
  ['renewal', 'revoke another engine’s lease', ['POST', other.revokeLease, { lease_id: 'aws/creds/x/1' }]],
  ['renewal', 'renew a login', ['POST', other.renewLease, { lease_id: 'auth/userpass/login/x' }]],
  ['renewal', 'revoke all leases', ['PUT', 'sys/leases/revoke-prefix/pgsql2-dv']],
  ['revocation', 'count', ['LIST', ledger.slots]],
  ['revocation', 'list the ledger', ['LIST', ledger.list]],
  ['revocation', 'make a record', ['POST', `${secretName}/data/+/new`, { data: {} }]],
  ['revocation', 'renew a token', ['POST', other.renew, { token: 'anything' }]],
  ['revocation', 'renew one by its accessor', ['POST', other.renewAccessor, { accessor: 'anything' }]],
  ['admission', 'revoke a token by its accessor', ['POST', other.revokeAccessor, { accessor: 'anything' }]],
  [
    'revocation',
    'look up another engine’s lease',
    ['POST', other.lookUpLease, { lease_id: 'aws/creds/x/1' }],
  ],
  ['revocation', 'revoke another engine’s lease', ['POST', other.revokeLease, { lease_id: 'aws/creds/x/1' }]],
  ['approle', 'have a secret_id that is not wrapped', ['POST', other.secretId, { num_uses: 1 }]],
  ['approle', 'list secret_ids', ['LIST', other.secretId]],
  ['approle', 'read a role_id', ['GET', 'auth/approle/role/gule/role-id']],
  ['approle', 'change an AppRole', ['POST', 'auth/approle/role/gule', { token_policies: 'root' }]],
];

test.each(attempts)('%s cannot %s', async (name, _, [method, path, body]) => {
  const vault = createVaultApi({ address: openBao.address, token: tokenOf(name, false) });
  const sent: unknown = body && JSON.parse(inLedger(JSON.stringify(body)));
  const answer = await vault.ask(method, inLedger(path), sent);
  expect([answer.status, answer.body]).toEqual([403, expect.stringContaining('permission denied')]);
});

test.each<[string, object]>([
  ['nothing', {}],
  ['a period alone', { period: '1h' }],
  ['no policy', { policies: [], period: '1h' }],
  ['an empty text for it', { policies: '', period: '1h' }],
  ['a policy without a name', { policies: [''], period: '1h' }],
  ['a policy alone', { policies: [application] }],
])('admission that may give any policy cannot have its own by %s', async (_, body) => {
  const any = await openStrictFleet();
  const { auth } = v.parse(
    Created,
    await stack.vault.call('POST', 'auth/token/create', {
      policies: [any.roleOf('admission')],
      no_default_policy: true,
    }),
  );
  const vault = createVaultApi({ address: openBao.address, token: auth.client_token });
  expect((await vault.ask('POST', other.createOrphan, body)).status).toBe(403);
  await vault.call('POST', other.createOrphan, policy(application));
});

test('admission can give the policies that it is for', async () => {
  const vault = createVaultApi({ address: openBao.address, token: tokenOf('admission', false) });
  await vault.call('POST', other.createOrphan, policy(application));
});

describe('the secret_ids that approle makes', () => {
  const wrap = (ttl: string, body: object) =>
    request(`${openBao.address}/v1/${other.secretId}`, {
      method: 'POST',
      headers: { 'x-vault-token': tokenOf('approle', false), 'x-vault-wrap-ttl': ttl },
      body: JSON.stringify(body),
    });

  test.each<[string, string, object]>([
    ['cannot be wrapped for a day', '24h', { num_uses: 1 }],
    ['cannot be used as often as one likes, by naming nothing', '60s', {}],
    ['cannot be chosen', '60s', { secret_id: 'hers', num_uses: 1 }],
    ['cannot have their logins’ tokens bound', '60s', { token_bound_cidrs: ['127.0.0.1/32'], num_uses: 1 }],
  ])('%s', async (_, ttl, body) => {
    expect((await wrap(ttl, body)).status).toBeGreaterThanOrEqual(400);
  });

  test('are wrapped for as long as it needs', async () => {
    await stack.vault.call('POST', 'auth/approle/role/gule', { token_policies: ['default'] });
    const { status, body } = await wrap('60s', { num_uses: 1, metadata: '{}' });
    expect([status, body]).toEqual([
      200,
      expect.stringContaining('"creation_path":"auth/approle/role/gule/secret-id"'),
    ]);
    expect(body).not.toContain('"secret_id"');
  });
});
