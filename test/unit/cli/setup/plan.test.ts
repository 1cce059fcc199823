/** What `setup` would do, as people and programs read it. */
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

const program = join(process.cwd(), 'cli/vault-db-injector.js');
const golden = (name: string) => `../../../golden/cli/setup-${name}`;
const env = { PATH: process.env['PATH'] ?? '', PGHOST: 'postgres.example.com', HOME: '/nowhere' };
const run = async (...args: string[]) => {
  const options = { env, extendEnv: false, reject: false };
  const { exitCode, stdout, stderr } = await execa(program, ['setup', ...args], options);
  return { code: exitCode, out: stdout, err: stderr };
};

describe('files in place of deeds, without asking anybody', () => {
  const app = ['app', '--namespace', 'team', '--service-account', 'web', '--role', 'orders'];
  test.each([
    ['database.tf', ['database', 'orders', '--output', 'terraform']],
    [
      'database.sql',
      ['database', 'my-db"; drop', '--schemas', 'app', '--template', 'tpl', '--output', 'sql'],
    ],
    ['database.sh', ['database', 'orders', '--ownership', 'set-role', '--keep-public', '--output', 'sh']],
    ['app.tf', [...app, '--output', 'terraform']],
    ['app.sh', [...app, '--output', 'sh']],
  ])('%s', async (name, args) => {
    const { code, out, err } = await run(...args);
    expect([code, err]).toEqual([0, '']);
    await expect(`${out}\n`).toMatchFileSnapshot(golden(name));
  });
});

describe('what is not understood ends with 2, and says what is expected', () => {
  const inVault = { VAULT_ADDR: 'http://127.0.0.1:1' };
  test.each([
    ['nothing', [], /^Name what to set up: .*database\|app/],
    ['something else', ['databse'], /^Name what to set up/],
    ['no database', ['database'], /^Name a database/],
    ['two databases', ['database', 'a', 'b'], /Unexpected argument 'b'/],
    [
      'a name that is too long',
      ['database', 'x'.repeat(60)],
      /^--group: expected a name of at most 63 bytes/,
    ],
    [
      'a URL of something else',
      ['database', 'a', '--database-url', 'https://x'],
      /^--database-url: expected postgres:/,
    ],
    ['a mount that is not one', ['database', 'a', '--mount', 'sys/raw'], /^--mount: expected a mount/],
    ['no duration', ['database', 'a', '--default-ttl', 'soon'], /^--default-ttl: expected a duration/],
    [
      'one role for both',
      ['database', 'a', '--group', 'x', '--administrator', 'x'],
      /expected different roles/,
    ],
    ['an unknown output', ['database', 'a', '--output', 'yaml'], /^--output: expected terraform, sql, sh/],
    ['no Vault', ['database', 'a'], /^Vault's address is missing/],
    [
      'an application without anything',
      ['app'],
      /--namespace: is required\n--service-account: is required\n--role: is required/,
    ],
    ['SQL of an application', ['app', '--output', 'sql'], /--output sql: not available/],
  ])('%s', async (_, args, expected) => {
    const { code, out, err } = await run(...args);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(expected)]);
  });

  test('nobody in Vault', async () => {
    const options = { env: { ...env, ...inVault }, extendEnv: false, reject: false };
    const { exitCode, stderr } = await execa(program, ['setup', 'database', 'a'], options);
    expect([exitCode, stderr]).toEqual([2, 'Vault token is missing: VAULT_TOKEN=…']);
  });
});
