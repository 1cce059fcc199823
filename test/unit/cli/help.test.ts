/** The tree of commands: one description of each, which a terminal of 80 columns shows whole. */
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../../cli/program.ts';
import { commandsOf, helpOf } from './understood.ts';

const program = createProgram();
const all = commandsOf(program);

test('all commands are there', () => {
  expect(all.map(({ name }) => name)).toEqual([
    'install',
    'upgrade',
    'uninstall',
    'rotate',
    'sweep',
    'replay',
    'doctor',
    'explain',
    'list',
    'revoke',
    'migrate',
    'migrate ledger',
    'setup',
    'setup database',
    'setup app',
    'completion',
  ]);
});

describe('the help fits into 80 columns', () => {
  test.each(all)('$name', ({ command }) => {
    expect(
      helpOf(command)
        .split('\n')
        .filter((line) => line.length > 80),
    ).toEqual([]);
  });
});

test('an option that several commands have has the same short form in all, and the same value', () => {
  const forms = new Map<string, Set<string>>();
  for (const { command } of all)
    for (const { long = '', flags } of command.options)
      if (long !== '--output') forms.set(long, (forms.get(long) ?? new Set()).add(flags));
  expect([...forms].filter(([, flags]) => flags.size > 1)).toEqual([]);
});

describe('completion', () => {
  const run = async (...args: string[]) =>
    (await execa('node_modules/.bin/node', ['cli/main.ts', ...args])).stdout.split('\n');

  test.each(['bash', 'zsh', 'fish'])('a script for %s that the shell can read', async (shell) => {
    const script = (await run('completion', shell)).join('\n');
    expect(script).toContain('vault-db-injector');
    if (shell === 'bash') expect((await execa('bash', ['-n'], { input: script })).exitCode).toBe(0);
  });

  test('of commands, options and choices, from the same description', async () => {
    expect(await run('complete', '--', 're')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^revoke\t/), expect.stringMatching(/^replay\t/)]),
    );
    expect(await run('complete', '--', 'list', '--names')).toContain('--namespace\tgrants of this namespace');
    expect(await run('complete', '--', 'list', '--output', '')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^wide/)]),
    );
  });
});
