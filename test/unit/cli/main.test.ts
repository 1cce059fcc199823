/** The program as it is started: what is not understood is named, and ends with 2. */
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../../cli/program.ts';
import { buildInfo } from '../../../shared/build-info.ts';
import { commandsOf, helpOf } from './understood.ts';

const file = join(process.cwd(), 'cli/vault-db-injector.js');

// The machine's own Node, whichever that is: an old one hands over to the one that npm installed.
const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
const run = async (...args: string[]) => {
  const env = { PATH: path.join(':'), KUBECONFIG: '/nowhere/kubeconfig', HOME: '/nowhere' };
  const { exitCode, stdout, stderr } = await execa(file, args, {
    env,
    extendEnv: false,
    reject: false,
  });
  return { code: exitCode, out: stdout, err: stderr };
};

const program = createProgram();

test.each([[['--help']], [['-h']], [['help']]])('%s', async (args) => {
  expect(await run(...args)).toEqual({ code: 0, out: helpOf(program), err: '' });
});

test('the version', async () => {
  expect(await run('--version')).toEqual({ code: 0, out: buildInfo.version, err: '' });
});

test.each(commandsOf(program))('$name --help, whatever else is there', async ({ name, command }) => {
  expect(await run(...name.split(' '), '--nonsense', '-h')).toEqual({
    code: 0,
    out: helpOf(command),
    err: '',
  });
});

describe('what is not understood', () => {
  test.each([
    ['a command', ['docter'], /unknown command 'docter'\n\(Did you mean doctor\?\)/],
    ['a command that is like no other', ['frobnicate'], /^error: unknown command 'frobnicate'\n\(add --help/],
    ['an option', ['list', '--namspace=x'], /unknown option '--namspace=x'\n\(Did you mean --namespace\?\)/],
    ['a word', ['doctor', 'vault'], /too many arguments for 'doctor'/],
    ['nothing to revoke', ['revoke', '--config', 'x'], /^Name a pod or grant/],
    ['pods by name and by label', ['revoke', 'a', '--selector', 'b=c'], /not both/],
    ['a pod by name, in all namespaces', ['revoke', 'a', '-A'], /a name is of one namespace/],
    ['no file', ['explain', '--offline'], /^Say which file/],
    ['an empty value', ['list', '--namespace='], /Expected a value that is not empty/],
  ])('%s', async (_, args, expected) => {
    expect(await run(...args)).toEqual({ code: 2, out: '', err: expect.stringMatching(expected) });
  });

  test('no command: what there is', async () => {
    expect(await run()).toEqual({ code: 2, out: '', err: helpOf(program) });
  });
});

test('whose output nobody reads to its end: nothing is said about it', async () => {
  const env = { PATH: path.join(':'), HOME: '/nowhere' };
  // It starts to write when the other one has long been gone.
  const script = `set -o pipefail; '${file}' doctor --help | true`;
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
