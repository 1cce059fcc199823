import { describe, expect, test } from 'vitest';
import { asVaultName, checkedAdministrator, checkedName, postgresName } from '../../../../cli/setup/names.ts';

describe('a name of PostgreSQL', () => {
  test.each(['db1', 'my-db"; drop', 'é'.repeat(31)])('%s', (name) => {
    expect(postgresName(name)).toBe(name);
  });

  test.each([
    ['', '--group: Expected a name that is not empty'],
    ['a\nb', '--group: Expected a name without control characters'],
    ['a\0b', '--group: Expected a name without control characters'],
    ['é'.repeat(32), '--group: Expected a name of at most 63 bytes'],
    ['\ud800', '--group: Expected a name of at most 63 bytes'],
  ])('%j is none', (name, why) => {
    expect(() => checkedName(name, '--group')).toThrow(why);
  });

  test('may be no login of Vault', () => {
    expect(() => checkedAdministrator('a {{password}}')).toThrow(/^--administrator: Vault's logins/);
    expect(checkedAdministrator('a {{name}}')).toBe('a {{name}}');
  });
});

test.each([
  ['orders', 'orders'],
  ['my-db"; drop', 'my-db-drop'],
  ['../../sys/raw', 'sys-raw'],
  ['Größe', 'Gr-e'],
])('%s is called %s in Vault', (name, expected) => expect(asVaultName(name, '--role')).toBe(expected));

test('of some names none can be made', () => {
  expect(() => asVaultName('"', '--role')).toThrow(
    "'\"' cannot be turned into a Vault name: use --role NAME",
  );
});
