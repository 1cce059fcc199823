/** docs/install.md and the README: their commands are understood, and every option is one. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { readOptions, USAGE } from '../../../cli/install/options.ts';
import { ROTATE_USAGE } from '../../../cli/rotate/options.ts';

const page = readFileSync('docs/install.md', 'utf8');
const commands = [page, readFileSync('README.md', 'utf8')].flatMap((text) =>
  [...text.replaceAll('\\\n', '').matchAll(/npm run install:cluster -- (.+)/g)].map(
    ([, given = '']) => given,
  ),
);
const { scripts } = v.parse(
  v.object({ scripts: v.record(v.string(), v.string()) }),
  JSON.parse(readFileSync('package.json', 'utf8')),
);

test.each(commands)('npm run install:cluster -- %s', (given) => {
  expect(() => readOptions(given.trim().split(/\s+/))).not.toThrow();
});

test('there are such commands', () => expect(commands.length).toBeGreaterThanOrEqual(4));

test('the scripts are there', () => {
  const named = [...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

describe('every option of the page', () => {
  const kubectl = [
    '--server-side',
    '--kustomize',
    '--namespace',
    '--selector',
    '--ignore-not-found',
    '--from',
    '--for',
  ];
  const options = [...page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([name]) => name);
  test.each([...new Set(options)].filter((name) => !kubectl.includes(name)))('%s', (name) => {
    expect(`${USAGE}\n${ROTATE_USAGE}\n--help`).toContain(name);
  });
});
