/** The program as it is started: what is not understood is named, and ends with 2. */
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { COMMANDS, USAGE } from '../../../cli/commands.ts';

const program = join(process.cwd(), 'cli/vault-db-injector.js');

// The machine's own Node, whichever that is: an old one hands over to the one that npm installed.
const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
const run = async (...args: string[]) => {
  const env = { PATH: path.join(':'), KUBECONFIG: '/nowhere/kubeconfig', HOME: '/nowhere' };
  const { exitCode, stdout, stderr } = await execa(program, args, {
    env,
    extendEnv: false,
    reject: false,
  });
  return { code: exitCode, out: stdout, err: stderr };
};

test.each([[['--help']], [['-h']], [['help']]])('%s', async (args) => {
  expect(await run(...args)).toEqual({ code: 0, out: USAGE, err: '' });
});

test.each(Object.entries(COMMANDS))('%s --help, whatever else is there', async (name, { usage }) => {
  expect(await run(name, '--nonsense', '-h')).toEqual({ code: 0, out: usage, err: '' });
});

describe('what is not understood', () => {
  test.each([
    [
      'a command',
      ['docter'],
      "There is no command 'docter'. Did you mean doctor?\nWhat there is: npx vault-db-injector --help",
    ],
    [
      'a command that is like none',
      ['frobnicate'],
      "There is no command 'frobnicate'.\nWhat there is: npx vault-db-injector --help",
    ],
    [
      'an option',
      ['list', '--namspace=x'],
      "Unknown option '--namspace'. Did you mean --namespace?\nWhat there is: npx vault-db-injector list --help",
    ],
    ['a word', ['doctor', 'vault'], /^Unexpected argument 'vault'/],
    ['one word too many', ['revoke', 'a', 'b'], /^Unexpected argument 'b'/],
    ['nothing to revoke', ['revoke'], /^Say which pod or grant/],
    ['no file', ['explain', '--offline'], /^Say which file/],
    ['an empty value', ['list', '--namespace='], '--namespace: expected a text that is not empty'],
  ])('%s', async (_, args, expected) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
  });

  test('no command: what there is', async () => {
    expect(await run()).toEqual({ code: 2, out: USAGE, err: '' });
  });
});

test('whose output nobody reads to its end: nothing is said about it', async () => {
  const env = { PATH: path.join(':'), HOME: '/nowhere' };
  // It starts to write when the other one has long been gone.
  const script = `set -o pipefail; '${program}' doctor --help | true`;
  const { exitCode, stderr } = await execa('bash', ['-c', script], { env, extendEnv: false, reject: false });
  expect([exitCode, stderr]).toEqual([0, '']);
});

test('a file that cannot be read', async () => {
  expect(await run('explain', '/nowhere/pod.yaml', '--offline')).toEqual({
    code: 1,
    out: '',
    err: 'the file /nowhere/pod.yaml cannot be read (ENOENT)',
  });
});

test('without a cluster doctor says so of all that it could not see', async () => {
  const { code, out } = await run('doctor', '--json');
  const { checks } = JSON.parse(out);
  expect([code, checks.length, checks[0].state, checks[1].state, checks[2].state]).toEqual([
    1,
    39,
    'failed',
    'unknown',
    'skipped',
  ]);
});
