/** Whatever a database is called: to PostgreSQL, to Vault, to psql and to a shell it is just a name. */
import { execa } from 'execa';
import fc from 'fast-check';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { expect, test } from 'vitest';
import { vaultIdentifier, vaultLiteral } from '../../../cli/setup/quoting.ts';
import { shellWord } from '../../../cli/shell-word.ts';
import { anyName } from '../../unit/cli/setup/any-name.ts';
import { asSuperuser, issue, linesOf, ownersIn, setUp, superuser } from '../support/set-up.ts';

test('PostgreSQL reads back what was quoted', async () => {
  const client = new Client({
    host: superuser.PGHOST,
    port: Number(superuser.PGPORT),
    user: superuser.PGUSER,
    password: superuser.PGPASSWORD,
    database: 'postgres',
  });
  await client.connect();
  try {
    await fc.assert(
      fc.asyncProperty(anyName, async (name) => {
        const { fields, rows } = await client.query(
          `SELECT ${escapeLiteral(name)} AS ${escapeIdentifier(name)}, ${vaultLiteral(name)} AS ${vaultIdentifier(name)}`,
        );
        expect([fields.map((field) => field.name), rows]).toEqual([[name, name], [{ [name]: name }]]);
      }),
      { numRuns: 300 },
    );
  } finally {
    await client.end();
  }
});

test('a shell reads back what was quoted', async () => {
  const names = fc.sample(anyName, 300);
  const { stdout } = await execa('sh', ['-c', `printf '%s\\n' ${names.map(shellWord).join(' ')}`]);
  expect(stdout.split('\n')).toEqual(names);
});

test.each([
  ['my-db"; drop', []],
  ['{{password}} {{name}}', ['--administrator', 'admin {{name}}']],
  ['host=elsewhere dbname=postgres', []],
  ['$revocation$ END /*', []],
  ['/a?b#c%41 Größe 💥', []],
])('%s is set up, works, and its temporary roles end', async (name, more) => {
  const role = `hostile-${Buffer.from(name).toString('hex').slice(0, 8)}`;
  const schema = `s ${name}`;
  const given = [name, '--connection', role, '--role', role, '--schemas', schema, ...more];
  const { code, err } = await setUp('database', ...given, '--yes');
  expect([code, err]).toEqual([0, '']);
  const temporary = await issue(role, name);
  const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
  await temporary.run(`CREATE TABLE ${table} (${escapeIdentifier(name)} int)`);
  await temporary.revoke();
  expect((await ownersIn(name))[name]).toBe(`${name}_grp`);
  expect(await asSuperuser(`SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(temporary.user)}`)).toEqual(
    [],
  );
  const again = await setUp('database', ...given);
  expect([again.code, linesOf(again).filter((line) => !line.startsWith('✓'))]).toEqual([0, []]);
});

test('the script for psql makes the same, and may be run again', async () => {
  const name = `'"; $(id) `.concat(String.raw`\connect x=é "`, '`id`');
  const given = [
    'database',
    name,
    '--role',
    'scripted',
    '--connection',
    'scripted',
    '--template',
    `t ${name}`,
  ];
  const { code, out: input } = await setUp(...given, '--output', 'sql');
  expect(code).toBe(0);
  const env = { PATH: process.env['PATH'], ...superuser };
  const runScript = () => execa('psql', ['--no-psqlrc', '--quiet'], { input, env, extendEnv: false });
  expect((await runScript()).stderr).toBe('');
  expect((await runScript()).stderr).toBe('');
  // What is left is the administrator's password, and Vault's.
  const rest = await setUp(...given, '--yes');
  expect([rest.code, rest.err, rest.out]).toEqual([0, '', expect.not.stringContaining('CREATE DATABASE')]);
  const temporary = await issue('scripted', name);
  await temporary.run('CREATE TABLE made (id int)');
  await temporary.revoke();
  expect(await ownersIn(name)).toEqual({ made: `${name}_grp` });
  const looked = await setUp(...given, '--dry-run');
  expect(linesOf(looked).filter((line) => !line.startsWith('✓'))).toEqual([]);
});
