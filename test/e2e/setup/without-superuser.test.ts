/** A CREATEROLE administrator sets it up; what only a superuser may is handed on, or done without. */
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { asSuperuser, issue, linesOf, makeCaller, ownersIn, setUpAs, superuser } from '../support/set-up.ts';

const attributes = async (role: string) =>
  asSuperuser(
    `SELECT rolsuper, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = '${role}'`,
  );
const NO_POWER = { rolsuper: false, rolcreatedb: false, rolreplication: false, rolbypassrls: false };

test('the event trigger is handed to whoever may, and then all is there', async () => {
  const setUp = setUpAs(await makeCaller('caller_one'));
  const name = 'plain "one"; {{name}}';
  const names = [
    '--group',
    'one grp',
    '--administrator',
    'admin_one',
    '--connection',
    'one',
    '--role',
    'one',
  ];
  const first = await setUp('database', name, ...names, '--yes');
  expect(first.code).toBe(1);
  expect(await attributes('admin_one')).toEqual([NO_POWER]);
  const script = first.out.slice(first.out.indexOf('\\connect'));
  const { stderr } = await execa(
    'psql',
    ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--set=VERBOSITY=terse'],
    {
      env: { PATH: process.env['PATH'], PGOPTIONS: '-c client_min_messages=warning', ...superuser },
      extendEnv: false,
      input: script,
    },
  );
  expect(stderr).toBe('');
  const second = await setUp('database', name, ...names);
  expect([second.code, linesOf(second).every((line) => line.startsWith('✓'))]).toEqual([0, true]);
  const [a, b] = [await issue('one', name), await issue('one', name)];
  await a.run('CREATE TABLE made_by_one (id int)');
  await b.run('ALTER TABLE made_by_one ADD COLUMN name text');
  await a.revoke();
  expect((await ownersIn(name))['made_by_one']).toBe('one grp');
});

test('without a trigger, temporary roles act as the group', async () => {
  const setUp = setUpAs(await makeCaller('caller_two'));
  const { code, err } = await setUp(
    'database',
    "two's; own",
    '--ownership',
    'set-role',
    '--role',
    'two',
    '--yes',
  );
  expect([code, err]).toEqual([0, '']);
  const [a, b] = [await issue('two', "two's; own"), await issue('two', "two's; own")];
  await a.run('CREATE VIEW made_by_one AS SELECT session_user AS who');
  await b.run('DROP VIEW made_by_one; CREATE TABLE made_by_other (id int)');
  await b.revoke();
  expect(await ownersIn("two's; own")).toEqual({ made_by_other: "two's; own_grp" });
});

test('from a template that has the trigger', async () => {
  const made = await setUpAs(superuser)('database', 'three', '--template', 'with_trigger', '--yes');
  expect([made.code, made.err]).toEqual([0, '']);
  const setUp = setUpAs(await makeCaller('caller_three'));
  const { code, err } = await setUp('database', 'four', '--template', 'with_trigger', '--yes');
  expect([code, err]).toEqual([0, '']);
  const temporary = await issue('four');
  await temporary.run('CREATE TABLE of_four (id int)');
  expect(await ownersIn('four')).toEqual({ of_four: 'four_grp' });
});

describe('the group, which owns the database', () => {
  test('cannot get a superuser to run what it wrote', async () => {
    await setUpAs(superuser)('database', 'five', '--ownership', 'set-role', '--yes');
    const attacker = await issue('five');
    await attacker.run(`CREATE SCHEMA vault_db_injector;
      CREATE FUNCTION vault_db_injector.give_to_group() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`);
    expect((await setUpAs(superuser)('database', 'five', '--yes')).code).toBe(0);
    const another = await issue('five');
    await expect(
      another.run(`CREATE OR REPLACE FUNCTION vault_db_injector.give_to_group() RETURNS event_trigger LANGUAGE plpgsql
        AS 'BEGIN ALTER ROLE five_grp SUPERUSER; END'`),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(another.run('DROP SCHEMA vault_db_injector CASCADE')).rejects.toMatchObject({
      code: '42501',
    });
  });
});
