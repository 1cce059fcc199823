/** PostgreSQL, as whoever sets it up: asked with `--database-url` or the variables that psql knows. */
import { Client, type ClientConfig, DatabaseError } from 'pg';
import * as v from 'valibot';
import { printable } from '../../shared/secret.ts';
import { Refusal } from '../refusal.ts';

export interface Server {
  readonly host: string;
  readonly port: number;
  /** Who it is asked as. */
  readonly user: string;
  readonly superuser: boolean;
  /** Whether a condition holds; what it speaks of may not be there, then it does not. */
  holds(condition: string, database?: string): Promise<boolean>;
  /** @throws Refusal; `NotAllowed` */
  run(sql: string, database?: string): Promise<void>;
  /** Lets go of a database: nobody may be in a template while it is copied. */
  leave(database: string): Promise<void>;
  close(): Promise<void>;
}

/** Whoever asks may not do it. */
export class NotAllowed extends Refusal {}

// Of roles, databases, schemas, tables, columns and privileges that are not there (or not in this version).
const ABSENT = new Set(['42704', '3D000', '3F000', '42P01', '42703', '22023']);
const OLDEST = 140_000;
const CONNECT_WITHIN_MS = 10_000;
const LIMITS = '-c statement_timeout=60000 -c lock_timeout=10000 -c search_path=pg_catalog,pg_temp';

const Facts = v.tuple([
  v.object({ version: v.number(), name: v.string(), superuser: v.boolean(), user: v.string() }),
]);
const Held = v.tuple([v.object({ holds: v.nullable(v.boolean()) })]);

/** @throws Refusal where it cannot be reached, or is too old. */
export async function openServer(databaseUrl: string | undefined): Promise<Server> {
  const connections = new Map<string, Client>();
  const limits: ClientConfig = {
    application_name: 'vault-db-injector setup',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    options: LIMITS,
  };
  const given = databaseUrl === undefined ? {} : { connectionString: databaseUrl };
  const first = await connect({ ...limits, ...given });
  const [facts] = v.parse(
    Facts,
    (
      await first.query(`SELECT current_setting('server_version_num')::int AS version, version() AS name,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser, current_user::text AS user`)
    ).rows,
  );
  if (facts.version < OLDEST) {
    await first.end();
    throw new Refusal(
      `PostgreSQL 14 is the oldest that this works with; this is ${printable(facts.name, 60)}`,
    );
  }

  // The same server and login, whichever way they were given.
  const { host, port, user, password, ssl } = first;
  const elsewhere = (database: string): ClientConfig => ({
    ...limits,
    host,
    port,
    database,
    ...(user !== undefined && { user }),
    ...(typeof password === 'string' && { password }),
    ssl,
  });

  async function connection(database: string | undefined): Promise<Client> {
    if (database === undefined || database === first.database) return first;
    const open = connections.get(database) ?? (await connect(elsewhere(database)));
    connections.set(database, open);
    return open;
  }

  return {
    host: first.host,
    port: first.port,
    user: facts.user,
    superuser: facts.superuser,
    async holds(condition, database) {
      try {
        const { rows } = await (await connection(database)).query(`SELECT (${condition}) AS holds`);
        return v.parse(Held, rows)[0].holds === true;
      } catch (error) {
        if (error instanceof DatabaseError && ABSENT.has(error.code ?? '')) return false;
        if (error instanceof DatabaseGone) return false;
        throw explained(error);
      }
    },
    async run(sql, database) {
      await (await connection(database)).query(sql).catch((error: unknown) => {
        throw explained(error);
      });
    },
    async leave(database) {
      await connections.get(database)?.end();
      connections.delete(database);
    },
    async close() {
      await Promise.all([first, ...connections.values()].map((one) => one.end().catch(() => {})));
    },
  };
}

class DatabaseGone extends Refusal {}

async function connect(config: ClientConfig): Promise<Client> {
  const client = new Client(config);
  // One that breaks later is noticed by the next statement.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === '3D000') throw new DatabaseGone(said(error));
    const where = `${client.host}:${client.port}`;
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    const why = error instanceof DatabaseError ? said(error) : `PostgreSQL cannot be reached${code}`;
    throw new Refusal(
      `${why}; it was asked at ${where} as ${client.user}: see --database-url, or PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE`,
    );
  }
}

const said = (error: DatabaseError): string =>
  `PostgreSQL says: ${printable(error.message)}${error.detail ? ` (${printable(error.detail)})` : ''}`;

function explained(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  return error.code === '42501' ? new NotAllowed(said(error)) : new Refusal(said(error));
}
