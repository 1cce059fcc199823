/** PostgreSQL, as its administrator: connects with `--database-url` or psql's variables. */
import { Client, type ClientConfig, DatabaseError } from 'pg';
import * as v from 'valibot';
import { printable } from '../../shared/secret.ts';
import { Refusal } from '../refusal.ts';
import { isAboutTheWay, isUntrusted, isWithoutTls, type Tls, tlsFor } from './tls.ts';

export interface Server {
  readonly host: string;
  readonly port: number;
  /** The current user. */
  readonly user: string;
  readonly superuser: boolean;
  /** Whether a condition holds; false if the objects it names do not exist. */
  holds(condition: string, database?: string): Promise<boolean>;
  /** @throws Refusal; `NotAllowed` */
  run(sql: string, database?: string): Promise<void>;
  /** Disconnects from a database: a template must have no sessions while it is copied. */
  leave(database: string): Promise<void>;
  close(): Promise<void>;
}

/** The user lacks the right. */
export class NotAllowed extends Refusal {}

// Error codes for missing roles, databases, schemas and tables.
const ABSENT = new Set(['42704', '3D000', '3F000', '42P01']);
const OLDEST = 140_000;
const CONNECT_WITHIN_MS = 10_000;
const LIMITS = '-c statement_timeout=60000 -c lock_timeout=10000 -c search_path=pg_catalog,pg_temp';

const Facts = v.tuple([
  v.object({ version: v.number(), name: v.string(), superuser: v.boolean(), user: v.string() }),
]);
const Held = v.tuple([v.object({ holds: v.nullable(v.boolean()) })]);

/** @throws Refusal if it cannot be reached, or is too old. */
export async function openServer(
  databaseUrl: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<Server> {
  const connections = new Map<string, Client>();
  const limits: ClientConfig = {
    application_name: 'npx vault-db-injector setup',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    options: LIMITS,
  };
  const { ways, url } = tlsFor(databaseUrl, environment);
  const given = url === undefined ? {} : { connectionString: url };
  const first = await connect({ ...limits, ...given }, ways).catch((error: unknown) => {
    throw error instanceof DatabaseGone
      ? new Refusal(`${error.message}: name another one to connect to, for instance PGDATABASE=postgres`)
      : error;
  });
  const [facts] = v.parse(
    Facts,
    (
      await first.query(`SELECT current_setting('server_version_num')::int AS version, version() AS name,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser, current_user::text AS user`)
    ).rows,
  );
  if (facts.version < OLDEST) {
    await first.end();
    throw new Refusal(`PostgreSQL 14 or newer is required; this is ${printable(facts.name, 60)}`);
  }

  // The same server and login, whichever way they were given.
  const { host, port, user, password } = first;
  // TLS settings that worked.
  const way: Tls['ways'] = [first.ssl === true ? {} : first.ssl || false];
  const elsewhere = (database: string): ClientConfig => ({
    ...limits,
    host,
    port,
    database,
    ...(user !== undefined && { user }),
    ...(typeof password === 'string' && { password }),
  });

  async function connection(database: string | undefined): Promise<Client> {
    if (database === undefined || database === first.database) return first;
    const open = connections.get(database) ?? (await connect(elsewhere(database), way));
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

/** @param ways of TLS, tried in order until the server accepts one. */
async function connect(config: ClientConfig, [ssl, ...others]: Tls['ways']): Promise<Client> {
  const client = new Client({ ...config, ssl });
  // A local socket has no TLS.
  if (ssl !== false && client.host.startsWith('/')) return connect(config, [false]);
  // A connection that breaks later is noticed by the next statement.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    const [next, ...rest] = others;
    if (next !== undefined && isAboutTheWay(error)) return connect(config, [next, ...rest]);
    if (error instanceof DatabaseError && error.code === '3D000') throw new DatabaseGone(said(error));
    const where = `${client.host}:${client.port} as ${client.user}`;
    throw new Refusal(
      `${whyNot(error)}; tried ${where}: see --database-url, or PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE`,
    );
  }
}

function whyNot(error: unknown): string {
  if (error instanceof DatabaseError) return said(error);
  if (!(error instanceof Error)) return 'PostgreSQL cannot be reached';
  if (isWithoutTls(error)) return 'PostgreSQL has no TLS, which the sslmode requires';
  const code = 'code' in error ? String(error.code) : '';
  if (isUntrusted(code))
    return `PostgreSQL's TLS certificate is not trusted (${code}): its authority's PEM is expected in PGSSLROOTCERT=FILE, or sslrootcert in --database-url`;
  return `PostgreSQL cannot be reached${code && ` (${code})`}`;
}

const said = (error: DatabaseError): string =>
  `PostgreSQL says: ${printable(error.message)}${error.detail ? ` (${printable(error.detail)})` : ''}`;

function explained(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  return error.code === '42501' ? new NotAllowed(said(error)) : new Refusal(said(error));
}
