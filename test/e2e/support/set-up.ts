/** `vault-db-injector setup` on the stack's PostgreSQL and OpenBao, and the temporary roles that Vault then makes. */
import type { ClientConfig } from 'pg';
import * as v from 'valibot';
import { query } from '../../stack/postgres.ts';
import { type Output, run } from './command-line.ts';
import { openBao, stack } from './stack.ts';

const server = new URL(stack.description.databaseUrl);

export const operator = {
  VAULT_ADDR: openBao.address,
  VAULT_TOKEN: stack.description.vault.rootToken,
};

/** The variables that psql knows. */
export const superuser = {
  PGHOST: server.hostname,
  PGPORT: server.port,
  PGUSER: server.username,
  PGPASSWORD: server.password,
  PGDATABASE: 'postgres',
  PGSSLMODE: 'disable',
};

export const setUpAs =
  (env: Readonly<Record<string, string>>) =>
  (...args: readonly string[]): Promise<Output> =>
    run(['setup', ...args], { env: { ...operator, ...env } });
export const setUp = setUpAs(superuser);

/** A CREATEROLE administrator, as clouds have them. */
export async function makeCaller(name: string): Promise<typeof superuser> {
  await asSuperuser(`CREATE ROLE ${name} LOGIN CREATEROLE CREATEDB PASSWORD '${name}'`);
  return { ...superuser, PGUSER: name, PGPASSWORD: name };
}

/** The plan's lines, without the words in which it would be done. */
export const linesOf = ({ out }: Output): string[] =>
  out.split('\n').filter((line) => line !== '' && !line.startsWith('    '));

// Not as a URI: this driver does not undo what `encodeURIComponent` does to a database's name.
const at = (database: string, user = server.username, password = server.password): ClientConfig => ({
  host: server.hostname,
  port: Number(server.port),
  user,
  password,
  database,
});

export const asSuperuser = (sql: string, database = 'postgres') => query(at(database), sql);

export interface Temporary {
  readonly user: string;
  readonly leaseId: string;
  readonly login: ClientConfig;
  run(sql: string): Promise<readonly unknown[]>;
  revoke(): Promise<void>;
}

const Issued = v.object({
  lease_id: v.string(),
  data: v.object({ username: v.string(), password: v.string() }),
});

/** What a pod would be given. */
export async function issue(role: string, database = role): Promise<Temporary> {
  const { lease_id: leaseId, data } = v.parse(
    Issued,
    await stack.vault.call('GET', `databases/creds/${role}`),
  );
  const login = at(database, data.username, data.password);
  return {
    user: data.username,
    leaseId,
    login,
    run: (sql) => query(login, sql),
    async revoke() {
      await stack.vault.call('POST', 'sys/leases/revoke', { lease_id: leaseId, sync: true });
    },
  };
}

/** Whether such a login is possible. */
export const canLogInAs = (user: string, password: string, database: string): Promise<boolean> =>
  query(at(database, user, password), 'SELECT 1').then(
    () => true,
    () => false,
  );

const Owners = v.array(v.object({ what: v.string(), owner: v.string() }));

/** Who owns what, in the schemas that are not PostgreSQL's. */
export async function ownersIn(database: string): Promise<Record<string, string>> {
  const rows = await asSuperuser(
    `SELECT what, pg_get_userbyid(owner)::text AS owner FROM (
       SELECT relname::text, relowner, relnamespace FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
       UNION ALL SELECT proname, proowner, pronamespace FROM pg_proc
       UNION ALL SELECT typname, typowner, typnamespace FROM pg_type WHERE typrelid = 0 AND typelem = 0
       UNION ALL SELECT oprname, oprowner, oprnamespace FROM pg_operator
       UNION ALL SELECT collname, collowner, collnamespace FROM pg_collation
       UNION ALL SELECT stxname, stxowner, stxnamespace FROM pg_statistic_ext
       UNION ALL SELECT dictname, dictowner, dictnamespace FROM pg_ts_dict
       UNION ALL SELECT cfgname, cfgowner, cfgnamespace FROM pg_ts_config
       UNION ALL SELECT nspname, nspowner, oid FROM pg_namespace WHERE nspname <> 'public'
       UNION ALL SELECT pubname, pubowner, 'public'::regnamespace FROM pg_publication
     ) AS all_of_it (what, owner, schema)
     JOIN pg_namespace ON pg_namespace.oid = schema
     WHERE nspname !~ '^(pg_|information_schema|vault_db_injector)'`,
    database,
  );
  return Object.fromEntries(v.parse(Owners, rows).map(({ what, owner }) => [what, owner]));
}
