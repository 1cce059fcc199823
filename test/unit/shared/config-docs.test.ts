/** docs/configuration.md says what the code does. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../../shared/config.ts';
import { CONFIGURATION_KEYS, environmentName } from '../../../shared/config-keys.ts';
import { REQUIRED_KEYS as required } from '../../support/configuration-keys.ts';
import { tableIn } from '../docs/markdown-table.ts';

const rows = tableIn(readFileSync('docs/configuration.md', 'utf8'), [
  'Key',
  'Environment',
  'Default',
  'Meaning',
]);
const byKey = new Map(rows.map(([key = '', ...others]) => [key, others]));
const read = (values: object) =>
  parseConfig({ file: stringify(values), environment: {}, process: 'renewal' });

test('the table has a row for each key, in the order of the code', () => {
  expect(rows.map(([key]) => key)).toEqual(CONFIGURATION_KEYS);
});

describe.each(CONFIGURATION_KEYS)('%s', (key) => {
  const [environment, fallback = '', meaning = ''] = byKey.get(key) ?? [];

  test('has its name in the environment and a meaning', () => {
    expect(environment).toBe(environmentName(key));
    expect(meaning).not.toBe('');
  });

  test('has its default', () => {
    if (fallback === 'required') {
      const others = Object.fromEntries(Object.entries(required).filter(([name]) => name !== key));
      expect(() => read(others)).toThrow(`${key}: is missing`);
    } else if (fallback !== '') {
      expect(read({ ...required, [key]: fallback })).toEqual(read(required));
    }
  });
});
