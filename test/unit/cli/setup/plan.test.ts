/** What `setup` would do, as people and programs read it. */
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

const program = join(process.cwd(), 'cli/vault-db-injector.js');
const env = { PATH: process.env['PATH'] ?? '', PGHOST: 'postgres.example.com', HOME: '/nowhere' };
const APP = ['app', '-n', 'team', '--service-account', 'web', '--role', 'orders'];
const run = async (...args: string[]) => {
  const options = { env, extendEnv: false, reject: false };
  const { exitCode, stdout, stderr } = await execa(program, ['setup', ...args], options);
  return { code: exitCode, out: stdout, err: stderr };
};

test('SQL in place of deeds, without asking anybody', async () => {
  const asked = ['my-db"; drop', '--schemas', 'app', '--template', 'tpl', '--output', 'sql'];
  const { code, out, err } = await run('database', ...asked);
  expect([code, err]).toEqual([0, '']);
  await expect(`${out}\n`).toMatchFileSnapshot('../../../golden/cli/setup-database.sql');
});

describe('what is not understood ends with 2, and says what is expected', () => {
  const inVault = { VAULT_ADDR: 'http://127.0.0.1:1' };
  test.each([
    ['nothing', [], /database \[options\] <database>/],
    ['something else', ['databse'], /unknown command 'databse'\n\(Did you mean database\?\)/],
    ['no database', ['database'], /missing required argument 'database'/],
    ['two databases', ['database', 'a', 'b'], /too many arguments/],
    [
      'a name that is too long',
      ['database', 'x'.repeat(60)],
      /^--group: Expected a name of at most 63 bytes/,
    ],
    [
      'a URL of something else, whose password is not printed',
      ['database', 'a', '--database-url', 'https://me:secret@x'],
      /^--database-url: expected postgres:\/\/…$/,
    ],
    ['a mount that is not one', ['database', 'a', '--mount', 'sys/raw'], /Expected a mount/],
    ['no duration', ['database', 'a', '--default-ttl', 'soon'], /Expected a duration/],
    [
      'one role for both',
      ['database', 'a', '--group', 'x', '--administrator', 'x'],
      /expected different roles/,
    ],
    ['an unknown output', ['database', 'a', '--output', 'yaml'], /Allowed choices are sql/],
    [
      'the maintenance database, by oversight',
      ['database', 'postgres', '--output', 'sql'],
      /^postgres is a maintenance database: .*--take-over$/,
    ],
    ['no Vault', ['database', 'a'], /^Vault's address is missing/],
    ['an application without anything', ['app'], /required option '-n, --namespace <name>' not specified/],
    ['SQL of an application', [...APP, '--output', 'sql'], /unknown option '--output'/],
  ])('%s', async (_, args, expected) => {
    const { code, out, err } = await run(...args);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(expected)]);
  });

  test('a Vault that refuses is not waited for, and its address is named', async () => {
    const options = { env: { ...env, ...inVault, VAULT_TOKEN: 'x' }, extendEnv: false, reject: false };
    const { exitCode, stderr, durationMs } = await execa(program, ['setup', ...APP], options);
    expect([exitCode, stderr]).toEqual([
      1,
      'Vault cannot be reached (ECONNREFUSED); tried http://127.0.0.1:1',
    ]);
    expect(durationMs).toBeLessThan(15_000);
  });

  test('nobody in Vault', async () => {
    const options = { env: { ...env, ...inVault }, extendEnv: false, reject: false };
    const { exitCode, stderr } = await execa(program, ['setup', 'database', 'a'], options);
    expect([exitCode, stderr]).toEqual([2, 'Vault token is missing: VAULT_TOKEN=…, or vault login']);
  });
});
