/** Temporary roles from scratch: they share one database, and leave nothing behind but their work. */
import { Client } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { sqlSteps } from '../../../cli/setup/sql-steps.ts';
import type { SqlStep } from '../../../cli/setup/steps.ts';
import { type Output, runAtTerminal } from '../support/command-line.ts';
import {
  asSuperuser,
  canLogInAs,
  issue,
  linesOf,
  makeCaller,
  operator,
  ownersIn,
  setUp,
  setUpAs,
  superuser,
  type Temporary,
} from '../support/set-up.ts';
import { stack } from '../support/stack.ts';

const symbolsOf = (output: Output) => [...new Set(linesOf(output).map((line) => line.slice(0, 1)))].join('');

describe('two temporary roles', () => {
  let first: Temporary;
  let second: Temporary;

  beforeAll(async () => {
    const { code, out, err } = await setUp('database', 'shop', '--schemas', 'stock', '--yes');
    expect([code, err, out]).toEqual([
      0,
      '',
      expect.stringMatching(/✓ tested: Vault created a temporary role, and dropped it$/),
    ]);
    [first, second] = [await issue('shop'), await issue('shop')];
  });

  test('work on the same tables, and each alters what the other made', async () => {
    await first.run('CREATE TABLE orders (id serial PRIMARY KEY, what text)');
    await first.run("INSERT INTO orders (what) VALUES ('tea')");
    await second.run("INSERT INTO orders (what) VALUES ('milk')");
    await second.run('ALTER TABLE orders ADD COLUMN amount int DEFAULT 1');
    await second.run('CREATE INDEX ON orders (what)');
    await second.run('CREATE TABLE stock.items (id int)');
    await first.run('ALTER TABLE stock.items ADD COLUMN name text');
    expect(await first.run('SELECT what, amount FROM orders ORDER BY id')).toEqual([
      { what: 'tea', amount: 1 },
      { what: 'milk', amount: 1 },
    ]);
  });

  test('of all that either makes the group is the owner, in every schema', async () => {
    await first.run(`
      CREATE SCHEMA "their own" CREATE TABLE inner_table (id bigserial);
      CREATE VIEW a_view AS SELECT * FROM orders;
      CREATE MATERIALIZED VIEW a_materialized_view AS SELECT * FROM orders;
      CREATE TABLE copied AS SELECT * FROM orders;
      SELECT * INTO selected FROM orders;
      CREATE SEQUENCE a_sequence;
      CREATE TYPE an_enum AS ENUM ('a');
      CREATE TYPE a_composite AS (a int);
      CREATE TYPE a_range AS RANGE (subtype = int4);
      CREATE DOMAIN a_domain AS text CHECK (value <> '');
      CREATE FUNCTION a_function(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
      CREATE PROCEDURE a_procedure() LANGUAGE sql AS 'SELECT 1';
      CREATE AGGREGATE an_aggregate(int) (sfunc = int4pl, stype = int);
      CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq);
      CREATE COLLATION a_collation FROM "C";
      CREATE STATISTICS a_statistic ON what, amount FROM orders;
      CREATE TEXT SEARCH DICTIONARY a_dictionary (template = simple);
      CREATE TEXT SEARCH CONFIGURATION a_configuration (copy = simple);
      CREATE TABLE parted (id int) PARTITION BY RANGE (id);
      CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
      CREATE PUBLICATION a_publication FOR TABLE orders;
      CREATE TEMPORARY TABLE of_the_session (id int);`);
    const owners = await ownersIn('shop');
    expect(Object.keys(owners).length).toBeGreaterThan(25);
    expect(Object.entries(owners).filter(([, owner]) => owner !== 'shop_grp')).toEqual([]);
  });

  test('an extension keeps its own functions, and the temporary role can be dropped all the same', async () => {
    const passing = await issue('shop');
    await passing.run('CREATE EXTENSION citext');
    await passing.revoke();
    expect(await second.run(`SELECT 'A'::citext = 'a' AS same`)).toEqual([{ same: true }]);
  });

  test("the first one's end leaves the tables, their rows and their owner", async () => {
    await first.revoke();
    await expect(first.run('SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await second.run('SELECT what FROM orders ORDER BY id')).toEqual([
      { what: 'tea' },
      { what: 'milk' },
    ]);
    expect((await ownersIn('shop'))['orders']).toBe('shop_grp');
    await second.run("INSERT INTO orders (what) VALUES ('bread'); DROP TABLE copied");
  });

  test('one with an open transaction is ended, and what it had not committed is gone', async () => {
    const busy = await issue('shop');
    const client = new Client(busy.login);
    const ended = new Promise<string>((resolve) => {
      client.on('error', (error) => resolve(error.message));
    });
    await client.connect();
    await client.query('BEGIN; LOCK TABLE orders; CREATE TABLE half_done (id int)');
    await busy.revoke();
    expect(await ended).toMatch(/terminat/);
    expect(await second.run("SELECT to_regclass('half_done') AS half_done")).toEqual([{ half_done: null }]);
    expect(await asSuperuser(`SELECT FROM pg_roles WHERE rolname = '${busy.user}'`)).toEqual([]);
  });

  test("what one made while the trigger was off is the group's after its end", async () => {
    const migration = await issue('shop');
    await asSuperuser('ALTER EVENT TRIGGER vault_db_injector_give_to_group DISABLE', 'shop');
    await migration.run('CREATE TABLE migrated (id int); INSERT INTO migrated VALUES (1)');
    expect((await ownersIn('shop'))['migrated']).toBe(migration.user);
    await migration.revoke();
    expect((await ownersIn('shop'))['migrated']).toBe('shop_grp');
    expect(await second.run('SELECT * FROM migrated')).toEqual([{ id: 1 }]);
    const again = await setUp('database', 'shop', '--schemas', 'stock', '--yes');
    expect(linesOf(again)).toContain(
      "+ event trigger in shop: what a temporary role creates becomes the owner's",
    );
  });

  test('one that is renewed may log in for longer', async () => {
    const renewed = await issue('shop');
    const end = () =>
      asSuperuser(`SELECT rolvaliduntil::text FROM pg_roles WHERE rolname = '${renewed.user}'`);
    const before = await end();
    await expect
      .poll(
        async () => {
          await stack.vault.call('POST', 'sys/leases/renew', { lease_id: renewed.leaseId });
          return end();
        },
        { timeout: 10_000 },
      )
      .not.toEqual(before);
    await renewed.revoke();
  });

  test('one that somebody has dropped does not keep Vault busy', async () => {
    const gone = await issue('shop');
    await asSuperuser(`DROP ROLE "${gone.user}"`);
    await gone.revoke();
  });

  test('nobody else may in', async () => {
    await asSuperuser("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
    expect([
      await canLogInAs('stranger', 'stranger', 'shop'),
      await canLogInAs('stranger', 'stranger', 'postgres'),
    ]).toEqual([false, true]);
  });
});

describe('what is there already', () => {
  test('stays: a second run does nothing', async () => {
    const again = await setUp('database', 'shop', '--schemas', 'stock');
    expect([again.code, symbolsOf(again)]).toEqual([0, '✓']);
  });

  test('of a server and a Vault where half of it exists, by hand as in the article', async () => {
    await asSuperuser('CREATE ROLE half_grp');
    await asSuperuser('CREATE DATABASE half');
    await asSuperuser("CREATE ROLE admin_half LOGIN SUPERUSER PASSWORD 'password'");
    await asSuperuser('CREATE TABLE before (id int); INSERT INTO before VALUES (7)', 'half');
    await stack.vault.call('POST', 'databases/roles/half', {
      db_name: 'half',
      creation_statements: [`CREATE ROLE "{{name}}"`],
    });
    expect(await canLogInAs('admin_half', 'password', 'half')).toBe(true);
    const done = await setUp('database', 'half', '--yes');
    expect([done.code, done.err]).toEqual([0, '']);
    expect(linesOf(done)).toEqual(
      expect.arrayContaining(['✓ database half', '~ database role half: how users are created and dropped']),
    );
    // Vault has changed it.
    expect(await canLogInAs('admin_half', 'password', 'half')).toBe(false);
    expect(await (await issue('half')).run('SELECT * FROM before')).toEqual([{ id: 7 }]);
  });

  test("an administrator whose password is not Vault's any more gets another", async () => {
    await asSuperuser("ALTER ROLE admin_half PASSWORD 'changed'");
    // Which it notices with the next connection that it makes.
    await stack.vault.ask('POST', 'databases/reset/half');
    const broken = await setUp('database', 'half', '--yes');
    expect([broken.code, broken.err]).toEqual([1, expect.stringContaining('again with --new-password')]);
    expect((await setUp('database', 'half', '--new-password', '--yes')).code).toBe(0);
    expect(await canLogInAs('admin_half', 'changed', 'half')).toBe(false);
  });

  test('where it stops half-way, it says where, and goes on from there', async () => {
    const unreachable = await setUp('database', 'stopped', '--server', '127.0.0.1:1', '--yes');
    expect([unreachable.code, unreachable.err]).toEqual([
      1,
      expect.stringMatching(
        /^connection stopped, as admin_stopped: Vault would not write .*\nCompleted steps stay/,
      ),
    ]);
    const again = await setUp('database', 'stopped', '--yes');
    expect([again.code, linesOf(again)]).toEqual([
      0,
      expect.arrayContaining(['✓ database stopped', '+ connection stopped, as admin_stopped']),
    ]);
  });

  test('is not taken from somebody else', async () => {
    const taken = await setUp('database', 'another', '--connection', 'shop', '--yes');
    expect([taken.code, taken.err]).toEqual([1, expect.stringMatching(/choose another --connection/)]);
    const role = await setUp('database', 'another', '--role', 'shop', '--yes');
    expect([role.code, role.err]).toEqual([1, expect.stringMatching(/choose another --role/)]);
    expect(await asSuperuser("SELECT FROM pg_database WHERE datname = 'another'")).toEqual([]);
  });
});

test('a session that slipped in while its role was dropped has no rights left', async () => {
  const late = await issue('shop');
  const client = new Client(late.login);
  await client.connect();
  await client.query('SET search_path = public; SELECT * FROM orders');
  // The end of a revocation, without the sessions.
  await asSuperuser(`DROP ROLE "${late.user}"`);
  await expect(client.query('SELECT * FROM public.orders')).rejects.toMatchObject({ code: '42501' });
  await client.end();
});

describe('nothing is done', () => {
  const nothing = async () =>
    expect(await asSuperuser("SELECT FROM pg_roles WHERE rolname = 'untouched_grp'")).toEqual([]);

  test('in a dry run, without a yes, or after a no', async () => {
    const dry = await setUp('database', 'untouched', '--dry-run');
    expect([dry.code, symbolsOf(dry)]).toEqual([0, expect.stringContaining('+')]);
    const mute = await setUp('database', 'untouched');
    expect([mute.code, mute.err]).toEqual([1, expect.stringMatching(/^nothing was done: .* add --yes$/)]);
    const env = { ...operator, ...superuser };
    expect((await runAtTerminal(['setup', 'database', 'untouched'], 'n\n', env)).code).toBe(1);
    await nothing();
  });

  test('where PostgreSQL or Vault cannot be asked, and it is said why', async () => {
    const closed = await setUpAs({ ...superuser, PGPORT: '1' })('database', 'untouched');
    expect([closed.code, closed.err]).toEqual([
      1,
      expect.stringContaining('PostgreSQL cannot be reached (ECONNREFUSED)'),
    ]);
    const wrong = await setUpAs({ ...superuser, PGPASSWORD: 'wrong' })('database', 'untouched');
    expect(wrong.err).toMatch(/password authentication failed.*PGPASSWORD/);
    const denied = await setUpAs({ ...superuser, VAULT_TOKEN: 'none' })('database', 'untouched');
    expect([denied.code, denied.err]).toEqual([
      1,
      expect.stringContaining('Vault does not allow VAULT_TOKEN to'),
    ]);
    const asCaller = setUpAs({ ...(await makeCaller('caller_of_untouched')) });
    const asked = ['database', 'postgres', '--yes'];
    const oversight = await asCaller(...asked);
    expect([oversight.code, oversight.err]).toEqual([2, expect.stringContaining('a maintenance database')]);
    const caller = await asCaller(...asked, '--take-over');
    expect([caller.code, caller.err]).toEqual([1, expect.stringContaining('PostgreSQL says: must be owner')]);
    await nothing();
  });
});

describe('what is asked of PostgreSQL 14 and 15, which do not know the options of a membership', () => {
  const settings = {
    database: 'shop',
    group: 'shop_grp',
    administrator: 'admin_shop',
    ownership: 'trigger',
    template: undefined,
    schemas: ['public'],
    keepPublic: false,
  } as const;
  const BEFORE_16 = '(SELECT oid, roleid, member, grantor, admin_option FROM pg_catalog.pg_auth_members)';
  const before16 = ({ there }: SqlStep) => there.replaceAll('pg_auth_members', BEFORE_16);

  test('names no column that is not there', async () => {
    const steps = sqlSteps(settings);
    expect(steps.filter((step) => before16(step) !== step.there)).toHaveLength(1);
    for (const step of steps) {
      const rows = await asSuperuser(`SELECT (${before16(step)}) AS holds`, step.database);
      expect([step.title, rows]).toEqual([step.title, [{ holds: true }]]);
    }
  });

  test('and every privilege of a membership is one of its version', async () => {
    const asked = sqlSteps(settings).filter(({ there }) => there.startsWith('pg_has_role'));
    expect(asked).toHaveLength(1);
    for (const { there } of asked) {
      expect(await asSuperuser(`SELECT (${there}) AS holds`)).toEqual([{ holds: true }]);
      const old = there.replace("current_setting('server_version_num')", "'150000'");
      // SET would be an error there; the older way works as well.
      expect(await asSuperuser(`SELECT (${old.replace("'SET'", "'no privilege'")}) AS holds`)).toEqual([
        { holds: true },
      ]);
    }
  });
});
