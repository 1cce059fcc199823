/** What follows from the options of `setup database`. */
import { Misuse } from '../refusal.ts';
import type { DatabaseOptions } from './command.ts';
import { asVaultName, checkedAdministrator, checkedName, duration } from './names.ts';
import { databasePath } from './quoting.ts';
import type { DatabaseSettings } from './sql-steps.ts';
import type { EngineSettings } from './vault-plan.ts';

export interface Settings {
  readonly database: DatabaseSettings;
  /** @param server the connection that worked, used as the default. */
  engine(server: string): EngineSettings;
}

/** @throws Misuse */
export function settingsOf(
  database: string,
  options: DatabaseOptions,
  environment: NodeJS.ProcessEnv,
): Settings {
  const { databaseUrl, ownership, template } = options;
  if (databaseUrl !== undefined && !(/^postgres(?:ql)?:/.test(databaseUrl) && URL.canParse(databaseUrl)))
    throw new Misuse('--database-url: expected postgres://…');
  mustBeTheirs(database, options);
  const group = options.group ?? checkedName(`${database}_grp`, '--group');
  const administrator = checkedAdministrator(options.administrator ?? `admin_${database}`);
  if (group === administrator) throw new Misuse('--group and --administrator: expected different roles');
  const schemas = (options.schemas ?? '').split(',').map((name) => name.trim());
  const named = schemas.filter((name) => name !== '').map((name) => checkedName(name, '--schemas'));
  return {
    database: {
      database,
      group,
      administrator,
      ownership,
      template,
      schemas: [...new Set(['public', ...named])],
      keepPublic: options.keepPublic === true,
    },
    engine: (server) => ({
      mount: options.mount,
      connection: options.connection ?? asVaultName(database, '--connection'),
      role: options.role ?? asVaultName(database, '--role'),
      connectionUrl: connectionUrl(options.server ?? server, database, sslmodeOf(options, environment)),
      administrator,
      group,
      ownership,
      defaultTtl: duration(options.defaultTtl),
      maxTtl: duration(options.maxTtl),
    }),
  };
}

/** Databases that PostgreSQL, or who runs it, needs: other tools connect to them, and new databases are copied from them. */
const MAINTENANCE =
  /^(?:postgres|template[01]|rdsadmin|cloudsqladmin|azure_maintenance|azure_sys|defaultdb)$/;

/** @throws Misuse */
function mustBeTheirs(database: string, { takeOver }: DatabaseOptions): void {
  if (takeOver || !MAINTENANCE.test(database)) return;
  throw new Misuse(
    `${database} is a maintenance database: it would get another owner and be closed to everyone else. Name the application's own; if it is meant, add --take-over`,
  );
}

function sslmodeOf({ databaseUrl, sslmode }: DatabaseOptions, environment: NodeJS.ProcessEnv): string {
  const ofUrl = databaseUrl === undefined ? null : new URL(databaseUrl).searchParams.get('sslmode');
  return sslmode ?? (ofUrl || environment['PGSSLMODE'] || 'require');
}

function connectionUrl(server: string, database: string, sslmode: string): string {
  const path = databasePath(database);
  const separator = path.includes('?') ? '&' : '?';
  return `postgresql://{{username}}:{{password}}@${server}${path}${separator}sslmode=${encodeURIComponent(sslmode)}`;
}
