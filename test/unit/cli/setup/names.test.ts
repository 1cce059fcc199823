import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { asVaultName, checkedName, postgresName } from '../../../../cli/setup/names.ts';

describe('a name of PostgreSQL', () => {
  test.each(['db1', 'my-db"; drop', 'é'.repeat(31)])('%s', (name) =>
    expect(v.is(postgresName, name)).toBe(true),
  );
  test.each([
    ['', 'not empty'],
    ['a\nb', 'without control characters'],
    ['a\0b', 'without control characters'],
    ['é'.repeat(32), 'at most 63 bytes'],
    ['\ud800', 'at most 63 bytes'],
  ])(
    '%j is none',
    (name, why) =>
      expect(() => checkedName(name, '--group')).toThrow(`--group: expected a name`) ??
      expect(() => checkedName(name, '--group')).toThrow(why),
  );
});

test.each([
  ['orders', 'orders'],
  ['my-db"; drop', 'my-db-drop'],
  ['../../sys/raw', 'sys-raw'],
  ['Größe', 'Gr-e'],
])('%s is called %s in Vault', (name, expected) => expect(asVaultName(name, '--role')).toBe(expected));

test('of some names none can be made', () => {
  expect(() => asVaultName('"', '--role')).toThrow("No name of Vault's can be made of '\"': say --role NAME");
});
