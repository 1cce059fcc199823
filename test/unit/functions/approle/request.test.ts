import { describe, expect, test } from 'vitest';
import { appRoleRequestOf, refusalOf } from '../../../../functions/approle/request.ts';

const annotations = (role: string, initContainer: string) => ({
  annotations: {
    'pod.boostport.com/vault-approle': role,
    'pod.boostport.com/vault-init-container': initContainer,
  },
});

test('a pod asks by two annotations, and by neither alone', () => {
  expect(appRoleRequestOf(annotations(' orders ', 'install'))).toEqual({
    role: 'orders',
    initContainer: 'install',
  });
  expect(appRoleRequestOf(annotations('orders', ''))).toBeUndefined();
  expect(appRoleRequestOf(annotations('', 'install'))).toBeUndefined();
  expect(appRoleRequestOf({ annotations: {} })).toBeUndefined();
});

const pod = {
  namespace: 'shop',
  serviceAccount: 'orders',
  initContainers: new Map([['install', { state: 'running' as const, run: '1' }]]),
};
const refusal = (
  role: string,
  rules: { namespaces?: string[]; roles?: Parameters<typeof refusalOf>[2]['roles'] } = {},
  initContainer = 'install',
) => refusalOf({ role, initContainer }, pod, { namespaces: undefined, roles: undefined, ...rules });

describe('the name of an AppRole', () => {
  test.each(['orders', 'o', 'orders.v2', 'a_b-c'])('%s', (role) => expect(refusal(role)).toBeUndefined());

  test.each(['../other', 'a/b', 'a b', '.a', 'a%2fb', 'a?b', 'x'.repeat(129), 'ä'])('%s is none', (role) =>
    expect(refusal(role)).toContain('cannot be the name of an AppRole'),
  );
});

test('the init container has to be one', () => {
  expect(refusal('orders', {}, 'app')).toContain('has no init container "app"');
});

describe('the operator’s rules', () => {
  const owners = { namespaces: ['shop', 'test-*'], serviceAccounts: ['orders'] };

  test.each([
    [{ namespaces: ['other'] }, 'its namespace is not in appRoleNamespaces'],
    [{ namespaces: ['sho'] }, 'its namespace is not in appRoleNamespaces'],
    [{ namespaces: ['other', 's*p'] }, undefined],
    [{ roles: { orders: owners } }, undefined],
    [{ roles: { other: owners } }, 'AppRole "orders" is not in appRoleMap'],
    [{ roles: {} }, 'AppRole "orders" is not in appRoleMap'],
    [{ roles: { orders: { ...owners, namespaces: ['test-*'] } } }, 'does not allow its namespace'],
    [
      { roles: { orders: { ...owners, serviceAccounts: ['default'] } } },
      'does not allow its service account',
    ],
    [{ namespaces: ['other'], roles: { orders: owners } }, 'its namespace is not in appRoleNamespaces'],
  ])('%o', (rules, reason) => {
    const found = refusal('orders', rules);
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(reason);
  });

  test('know no role by what every object has', () => {
    expect(refusal('constructor', { roles: { orders: owners } })).toContain('is not in appRoleMap');
  });
});
