/** docs/install.md and the README: their commands are understood, and every option is one. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../../cli/program.ts';
import { commandsOf, understand } from '../cli/understood.ts';

const page = readFileSync('docs/install.md', 'utf8');
const commands = [page, readFileSync('README.md', 'utf8')].flatMap((text) =>
  [...text.replaceAll('\\\n', '').matchAll(/npx vault-db-injector ((?:un)?install .+)/g)].map(
    ([, given = '']) => given,
  ),
);
const { scripts } = v.parse(
  v.object({ scripts: v.record(v.string(), v.string()) }),
  JSON.parse(readFileSync('package.json', 'utf8')),
);

const OPTIONS = [
  '--help',
  ...commandsOf(createProgram()).flatMap(({ command }) => command.options.map(({ long }) => long)),
];

test.each(commands)('npx vault-db-injector %s', async (given) => {
  await expect(understand(given.trim().split(/\s+/))).resolves.toBeDefined();
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
    '--type',
    '--patch',
  ];
  const options = [...page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([name]) => name);
  test.each([...new Set(options)].filter((name) => !kubectl.includes(name)))('%s', (name) => {
    expect(OPTIONS).toContain(name);
  });
});
