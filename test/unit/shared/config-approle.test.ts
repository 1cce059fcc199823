/** The keys of the approle function. */
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../../../shared/config.ts';

const required = {
  INJECTOR_VAULT_ADDRESS: 'https://vault.example:8200',
  INJECTOR_VAULT_AUTH_PATH: 'kubernetes',
  INJECTOR_VAULT_SECRET_NAME: 'vault-injector',
  INJECTOR_VAULT_SECRET_PREFIX: 'cluster',
  INJECTOR_KUBE_ROLE: 'vault-db-injector-approle',
};
const parse = (environment: Readonly<Record<string, string>>, file?: string): Config['appRole'] =>
  parseConfig({ file, environment: { ...required, ...environment }, process: 'approle' }).appRole;

test('have defaults', () => {
  expect(parse({})).toEqual({
    path: 'approle',
    wrapTtlSeconds: 60,
    namespaces: undefined,
    roles: undefined,
    bindAddress: true,
    podCidrs: undefined,
  });
});

const map = { orders: { namespaces: ['shop', 'test-*'], serviceAccounts: ['orders'] } };

describe('are read from file and environment', () => {
  test.each<[string, string, string, object]>([
    ['appRolePath: team/approle', 'INJECTOR_APP_ROLE_PATH', 'team/approle', { path: 'team/approle' }],
    ['appRoleWrapTTL: 2m', 'INJECTOR_APP_ROLE_WRAP_TTL', '2m', { wrapTtlSeconds: 120 }],
    ['appRoleNamespaces: a, b-*', 'INJECTOR_APP_ROLE_NAMESPACES', 'a,b-*', { namespaces: ['a', 'b-*'] }],
    [
      'appRoleMap: {orders: {namespaces: [shop, "test-*"], serviceAccounts: [orders]}}',
      'INJECTOR_APP_ROLE_MAP',
      JSON.stringify(map),
      { roles: map },
    ],
    ['appRoleMap: {}', 'INJECTOR_APP_ROLE_MAP', '{}', { roles: {} }],
    ['appRoleBindAddress: false', 'INJECTOR_APP_ROLE_BIND_ADDRESS', 'false', { bindAddress: false }],
    [
      'appRolePodCidrs: "10.0.0.0/8, fd00::/16"',
      'INJECTOR_APP_ROLE_POD_CIDRS',
      '10.0.0.0/8,fd00::/16',
      { podCidrs: ['10.0.0.0/8', 'fd00::/16'] },
    ],
  ])('%s', (file, name, value, expected) => {
    expect(parse({}, file)).toMatchObject(expected);
    expect(parse({ [name]: value })).toMatchObject(expected);
  });
});

describe('have faults that are named', () => {
  test.each([
    ['appRolePath: ../sys', /^ {2}appRolePath: expected a path/m],
    ['appRoleWrapTTL: 500ms', /^ {2}appRoleWrapTTL: expected a duration/m],
    ['appRoleNamespaces: "a,,b"', /appRoleNamespaces.*expected names/m],
    ['appRoleMap: {orders: [shop]}', /appRoleMap.*expected/m],
    ['appRoleMap: {orders: {namespaces: [shop]}}', /appRoleMap/m],
    ['appRoleMap: {orders: {namespaces: [], serviceAccounts: [x]}}', /appRoleMap/m],
    ['appRoleMap: {orders: {namespaces: [a], serviceAccounts: [x], other: 1}}', /appRoleMap/m],
    ['appRoleMap: "{not json"', /appRoleMap.*expected/m],
    ['appRolePodCidrs: 10.0.0.0', /appRolePodCidrs.*expected CIDRs/m],
    ['appRolePodCidrs: 10.0.0.0/33', /appRolePodCidrs.*expected CIDRs/m],
    ['appRolePodCidrs: pods/8', /appRolePodCidrs.*expected CIDRs/m],
  ])('%s', (file, fault) => {
    expect(() => parse({}, file)).toThrow(fault);
    expect(() => parse({}, file)).not.toThrow(/is missing/);
  });
});
