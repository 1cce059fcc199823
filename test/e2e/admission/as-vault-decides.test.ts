/**
 * The function reads a role and decides by itself who may assume it; Vault decides at a login. Here each account logs
 * in with a token of its own, under roles of many patterns, and both must come to the same end.
 */
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { createNamespace, requestToken } from '../../stack/kubernetes/objects.ts';
import { createVaultApi } from '../../stack/vault/api.ts';
import { authPath } from '../../stack/vault/names.ts';
import { addAuthRole } from '../../stack/vault/roles.ts';
import { podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { admission, openBao, stack } from '../support/stack.ts';

const accounts = [
  { namespace: 'team-a', serviceAccount: 'app' },
  { namespace: 'team-a', serviceAccount: 'app-worker' },
  { namespace: 'team-b', serviceAccount: 'app' },
  { namespace: 'prod-team', serviceAccount: 'x.app' },
] as const;

/** Service accounts, namespaces, and how many of the accounts above Vault lets in. */
const patterns = [
  [['app'], ['team-a'], 1],
  [['app', 'app-worker'], ['team-a'], 2],
  [['app'], ['team-a', 'team-b'], 2],
  [['*'], ['*'], 4],
  [['*'], ['team-a'], 2],
  [['app*'], ['*'], 3],
  [['*app'], ['*'], 3],
  [['*app*'], ['team-*'], 3],
  [['a*p*r'], ['*-a'], 1],
  [['*pp-*'], ['t*m-*'], 1],
  [['app'], ['prod*', 'team-b'], 1],
  [['**'], ['team-**'], 3],
  [['app-*'], ['team-a*'], 1],
  [['ap?'], ['team-?'], 0],
  [['[a-z]pp'], ['team-a'], 0],
  [['App'], ['TEAM-A'], 0],
  [[' app '], ['team-a '], 1],
  [['x?app'], ['prod?team'], 0],
  [['x_app', 'xXapp'], ['prod-team'], 0],
  [['nobody'], ['*'], 0],
] as const;

const tokens = new Map<string, string>();
const keyOf = ({ namespace, serviceAccount }: (typeof accounts)[number]) => `${namespace}/${serviceAccount}`;
const anonymous = createVaultApi({ address: openBao.address });
const Login = v.object({ auth: v.object({ token_policies: v.array(v.string()) }) });

/** Whether Vault lets the account in, with a policy of the role's name. */
async function vaultAllows(role: string, account: (typeof accounts)[number]): Promise<boolean> {
  const jwt = tokens.get(keyOf(account));
  const { status, body } = await anonymous.ask('POST', `auth/${authPath}/login`, { role, jwt });
  if (status !== 200) return false;
  return v.parse(Login, JSON.parse(body)).auth.token_policies.includes(role);
}

async function functionAllows(role: string, account: (typeof accounts)[number]): Promise<boolean> {
  // A dry run decides all the same, and leaves nothing behind.
  return (await ask(admission, reviewOf(podWith({ role }, account), { dryRun: true }))).allowed;
}

async function decisions(role: string) {
  return Promise.all(
    accounts.map(async (account) => ({
      account: keyOf(account),
      vault: await vaultAllows(role, account),
      function: await functionAllows(role, account),
    })),
  );
}

beforeAll(async () => {
  await createNamespace(stack.kubernetes, 'team-a', ['app', 'app-worker']);
  await createNamespace(stack.kubernetes, 'team-b', ['app']);
  await createNamespace(stack.kubernetes, 'prod-team', ['x.app']);
  for (const account of accounts) {
    tokens.set(keyOf(account), await requestToken(stack.kubernetes, account, []));
  }
});

describe('a role that is bound to', () => {
  test.each(patterns)(
    'service accounts %j of namespaces %j',
    async (serviceAccounts, namespaces, allowed) => {
      const role = `pattern-${JSON.stringify([serviceAccounts, namespaces]).replaceAll(/\W/g, (sign) => sign.charCodeAt(0).toString(16))}`;
      await addAuthRole(stack.vault, { name: role, serviceAccounts, namespaces, policies: [role] });
      const found = await decisions(role);
      expect(found.map((decision) => decision.function)).toEqual(found.map((decision) => decision.vault));
      expect(found.filter((decision) => decision.vault)).toHaveLength(allowed);
    },
  );
});

describe('a role whose policies are', () => {
  const all = { serviceAccounts: ['*'], namespaces: ['*'] };

  test.each([
    ['its own and another', 'policies-two', ['default', 'policies-two'], 4],
    ['another alone', 'policies-other', ['gule-rw'], 0],
    ['none', 'policies-none', [], 0],
    ['its own in capitals', 'policies-upper', ['Policies-UPPER'], 4],
    ['its own with blanks around it', 'policies-blank', [' policies-blank '], 4],
    ['one that only begins like it', 'policies', ['policies-two'], 0],
  ] as const)('%s', async (_, name, policies, allowed) => {
    await addAuthRole(stack.vault, { name, ...all, policies });
    const found = await decisions(name);
    expect(found.map((decision) => decision.function)).toEqual(found.map((decision) => decision.vault));
    expect(found.filter((decision) => decision.vault)).toHaveLength(allowed);
  });

  test('under their old name, as roles that are old have them', async () => {
    const more = { policies: ['old-name'] };
    await addAuthRole(stack.vault, { name: 'old-name', ...all, policies: [], more });
    const found = await decisions('old-name');
    expect(found.map((decision) => decision.function)).toEqual(found.map((decision) => decision.vault));
  });
});
