import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../../init/approle/settings.ts';

const VAULT_ROLE_ID = '313b0821';

test('what is not said is as with kubernetes-vault', () => {
  expect(readSettings({ VAULT_ROLE_ID: ' 313b0821 ', PATH: '/bin', TIMEOUT: '' })).toEqual({
    roleId: VAULT_ROLE_ID,
    tokenFile: '/var/run/secrets/boostport.com/vault-token',
    caFile: '/var/run/secrets/boostport.com/ca.crt',
    timeoutMs: 300_000,
    logLevel: 'info',
    vaultAddress: undefined,
    mount: 'approle',
    address: undefined,
  });
});

test.each([
  [{ CREDENTIALS_PATH: '/creds' }, '/creds/vault-token', '/creds/ca.crt'],
  [{ TOKEN_PATH: '/creds/token' }, '/creds/token', '/creds/ca.crt'],
  [{ TOKEN_PATH: '/a/token', CREDENTIALS_PATH: '/b' }, '/a/token', '/b/ca.crt'],
])('the files of %o', (environment, tokenFile, caFile) => {
  expect(readSettings({ VAULT_ROLE_ID, ...environment })).toMatchObject({ tokenFile, caFile });
});

test('the rest is read', () => {
  const environment = {
    TIMEOUT: '1m30s',
    LOG_LEVEL: 'DEBUG',
    VAULT_ADDR: 'https://vault:8200',
    APPROLE_PATH: 'team/approle',
    LISTEN_ADDRESS: 'fd00::1',
  };
  expect(readSettings({ VAULT_ROLE_ID, ...environment })).toMatchObject({
    timeoutMs: 90_000,
    logLevel: 'debug',
    vaultAddress: 'https://vault:8200',
    mount: 'team/approle',
    address: 'fd00::1',
  });
});

describe('faults are all told at once', () => {
  test.each([
    ['VAULT_ROLE_ID', undefined],
    ['TOKEN_PATH', 'relative'],
    ['TIMEOUT', '0s'],
    ['TIMEOUT', '1000h'],
    ['LOG_LEVEL', 'loud'],
    ['VAULT_ADDR', 'vault'],
    ['APPROLE_PATH', '../token'],
    ['LISTEN_ADDRESS', 'localhost'],
  ])('%s: %s', (name, value) => {
    const environment = { VAULT_ROLE_ID, [name]: value, CREDENTIALS_PATH: 'also' };
    expect(() => readSettings(environment)).toThrow(
      expect.objectContaining({
        code: 'configuration_invalid',
        message: expect.stringContaining(`${name}: `),
      }),
    );
    expect(() => readSettings(environment)).toThrow('CREDENTIALS_PATH: expected an absolute path');
  });
});
