/** What a pod's annotations ask for is what its containers get, and PostgreSQL lets them in with it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { query } from '../../stack/postgres.ts';
import { addAppRole, addAuthRole, addPolicy } from '../../stack/vault/roles.ts';
import { readRecord } from '../support/census.ts';
import { createPod, environmentOf, podWith, uuidsOf } from '../support/pods.ts';
import { databaseTemplate, databaseUri, whoAmI } from '../support/postgres.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

/** The users that the ledger names for a pod, in the order of its databases. */
async function usersOf(uuids: readonly string[]): Promise<string[]> {
  return Promise.all(uuids.map(async (uuid) => (await readRecord(uuid)).UserName));
}

const template = `${databaseTemplate}?application_name=app`;

describe('a pod with the annotations of the reference document', () => {
  test('classic: user and password stand in the variables that it names, and let it in', async () => {
    const pod = await createPod(
      podWith({
        cluster: 'pgsql2-dv',
        'dbname.env-key-dbpassword': 'DB_PASSWORD',
        'dbname.env-key-dbuser': 'DB_USER',
        'dbname.role': 'gule-rw',
        'dbname.mode': 'classic',
      }),
    );
    const { DB_USER = '', DB_PASSWORD = '', ...others } = environmentOf(pod);
    expect(others).toEqual({});
    expect([DB_USER]).toEqual(await usersOf(uuidsOf(pod)));
    expect(await whoAmI(databaseUri(DB_USER, DB_PASSWORD))).toEqual({
      loggedInAs: DB_USER,
      actingAs: 'demo-rw',
    });
    expect(pod.warnings).toEqual([]);
  });

  test('uri: each variable that it names holds the template with user and password in it', async () => {
    const pod = await createPod(
      podWith({
        cluster: 'pgsql2-dv',
        'dbname.template': template,
        'dbname.role': 'gule-rw',
        'dbname.env-key-uri': 'POSTGRES_URL,ANOTHER_ENV',
        'dbname.mode': 'uri',
      }),
    );
    const { POSTGRES_URL = '', ...others } = environmentOf(pod);
    expect(others).toEqual({ ANOTHER_ENV: POSTGRES_URL });
    expect(POSTGRES_URL).toMatch(/^postgres:\/\/gule-rw-[^:]+:[^@]+@127\.0\.0\.1:\d+\/postgres\?/);
    const [user = ''] = await usersOf(uuidsOf(pod));
    expect(await whoAmI(POSTGRES_URL)).toEqual({ loggedInAs: user, actingAs: 'demo-rw' });
  });

  test('two databases: one grant each, the uuids in the order of the database names', async () => {
    const pod = await createPod(
      podWith({
        cluster: 'pgsql2-dv',
        'other_dbname.role': 'other-rw',
        'other_dbname.mode': 'uri',
        'other_dbname.template': template,
        'other_dbname.env-key-uri': 'POSTGRES_URL',
        'dbname.role': 'gule-rw',
        'dbname.env-key-dbuser': 'DB_USER',
        'dbname.env-key-dbpassword': 'DB_PASSWORD',
      }),
    );
    const records = await Promise.all(uuidsOf(pod).map(readRecord));
    expect(records.map(({ Database, Role }) => [Database, Role])).toEqual([
      ['dbname', 'gule-rw'],
      ['other_dbname', 'other-rw'],
    ]);
    const { DB_USER = '', DB_PASSWORD = '', POSTGRES_URL = '' } = environmentOf(pod);
    const [first, second] = records.map(({ UserName }) => UserName);
    expect((await whoAmI(databaseUri(DB_USER, DB_PASSWORD))).loggedInAs).toBe(first);
    expect((await whoAmI(POSTGRES_URL)).loggedInAs).toBe(second);
  });
});

describe('a pod that says less', () => {
  test('a single role: DBUSER and DBPASSWORD', async () => {
    const pod = await createPod(podWith({ role: 'gule-rw' }));
    const { DBUSER = '', DBPASSWORD = '' } = environmentOf(pod);
    expect((await whoAmI(databaseUri(DBUSER, DBPASSWORD))).loggedInAs).toBe(DBUSER);
    expect(uuidsOf(pod)).toHaveLength(1);
  });

  test('a role for all of its named databases', async () => {
    const pod = await createPod(
      podWith({
        role: 'gule-rw',
        'a.env-key-dbuser': 'A_USER',
        'a.env-key-dbpassword': 'A_PASSWORD',
        'b.mode': 'classic',
      }),
    );
    const { A_USER, DBUSER } = environmentOf(pod);
    expect([A_USER, DBUSER]).toEqual(await usersOf(uuidsOf(pod)));
  });
});

describe('a pod that says more', () => {
  test('comma lists set several variables to one value', async () => {
    const pod = await createPod(
      podWith({
        'db.role': 'gule-rw',
        'db.env-key-dbuser': 'PGUSER, DB_USER',
        'db.env-key-dbpassword': 'PGPASSWORD,DB_PASSWORD,SPRING_DATASOURCE_PASSWORD',
      }),
    );
    const { PGUSER = '', PGPASSWORD = '', ...others } = environmentOf(pod);
    expect(others).toEqual({
      DB_USER: PGUSER,
      DB_PASSWORD: PGPASSWORD,
      SPRING_DATASOURCE_PASSWORD: PGPASSWORD,
    });
    expect((await whoAmI(databaseUri(PGUSER, PGPASSWORD))).loggedInAs).toBe(PGUSER);
  });

  test('names of databases with dots and dashes', async () => {
    const pod = await createPod(podWith({ 'my-team.orders-v2.role': 'gule-rw' }));
    const [uuid = ''] = uuidsOf(pod);
    expect((await readRecord(uuid)).Database).toBe('my-team.orders-v2');
  });

  test('an auth role that differs from the database role, whose policy then decides', async () => {
    await addAppRole(stack.vault, { name: 'app-orders', databaseRole: 'orders-writer' });
    const pod = await createPod(podWith({ 'db.role': 'orders-writer', 'db.auth-role': 'app-orders' }));
    const { DBUSER = '', DBPASSWORD = '' } = environmentOf(pod);
    expect(DBUSER).toMatch(/^orders-writer-/);
    expect((await whoAmI(databaseUri(DBUSER, DBPASSWORD))).loggedInAs).toBe(DBUSER);
  });

  describe('another engine', () => {
    beforeAll(async () => {
      const { databaseUrl } = stack.description;
      const { host } = new URL(databaseUrl);
      await query(databaseUrl, `CREATE ROLE second_vault LOGIN CREATEROLE PASSWORD 'second-vault'`);
      await stack.vault.call('POST', 'sys/mounts/teams/orders', { type: 'database' });
      await stack.vault.call('POST', 'teams/orders/config/postgres', {
        plugin_name: 'postgresql-database-plugin',
        connection_url: `postgres://{{username}}:{{password}}@${host}/postgres?sslmode=disable`,
        username: 'second_vault',
        password: 'second-vault',
        allowed_roles: ['*'],
      });
      await stack.vault.call('POST', 'teams/orders/roles/reader', {
        db_name: 'postgres',
        creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`],
      });
      await addPolicy(stack.vault, 'reader', 'path "teams/orders/creds/reader" { capabilities = ["read"] }');
      await addAuthRole(stack.vault, {
        name: 'reader',
        serviceAccounts: [exampleAccount],
        namespaces: [exampleNamespace],
        policies: ['reader'],
      });
    });

    test('for one database, beside the default one', async () => {
      const pod = await createPod(
        podWith({
          'a.role': 'gule-rw',
          'b.role': 'reader',
          'b.cluster': 'teams/orders',
          'b.env-key-dbuser': 'READER',
          'b.env-key-dbpassword': 'READER_PASSWORD',
        }),
      );
      const records = await Promise.all(uuidsOf(pod).map(readRecord));
      expect(records.map(({ Mount }) => Mount)).toEqual(['pgsql2-dv', 'teams/orders']);
      const { READER = '', READER_PASSWORD = '' } = environmentOf(pod);
      expect((await whoAmI(databaseUri(READER, READER_PASSWORD))).loggedInAs).toBe(READER);
    });

    test('for the whole pod, with one database that stays at the default one', async () => {
      const pod = await createPod(
        podWith({
          cluster: 'teams/orders',
          'a.role': 'gule-rw',
          'a.cluster': 'pgsql2-dv',
          'b.role': 'reader',
          'b.env-key-dbuser': 'READER',
          'b.env-key-dbpassword': 'READER_PASSWORD',
        }),
      );
      const records = await Promise.all(uuidsOf(pod).map(readRecord));
      expect(records.map(({ Mount }) => Mount)).toEqual(['pgsql2-dv', 'teams/orders']);
    });
  });
});
