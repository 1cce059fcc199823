/** `setup database`: its options, and what follows from them. */
import * as v from 'valibot';
import { flagOption, readCommandLine, textOption } from '../options.ts';
import { Misuse } from '../refusal.ts';
import { asVaultName, checkedAdministrator, checkedName, postgresName, vaultName } from './names.ts';
import { COMMON_OPTIONS, COMMON_USAGE, durationOption } from './options.ts';
import { databasePath } from './quoting.ts';
import type { DatabaseSettings } from './sql-steps.ts';
import type { EngineSettings } from './vault-plan.ts';

const NAME = 'npx vault-db-injector setup database';
export const DATABASE_USAGE = `${NAME} DATABASE [options]

  --database-url URL   of the server, as somebody who may make roles and databases (else PGHOST, PGPORT, PGUSER, PGPASSWORD, …)
  --server HOST:PORT   as Vault reaches it (that of --database-url or PGHOST)
  --sslmode MODE       of Vault's connection (that of --database-url or PGSSLMODE, else require)
  --group NAME         role that owns the database and all in it (DATABASE_grp)
  --administrator NAME role that Vault asks as (admin_DATABASE); its password is changed
  --schemas LIST       of the group beside public, separated by commas; made where they are not there
  --template NAME      make the database from this one; it is made where it is not there, and has the event trigger
  --ownership WAY      trigger: what a temporary role makes becomes the group's by an event trigger, which needs a superuser once;
                       set-role: temporary roles act as the group from the start, which needs none (trigger)
  --keep-public        leave to PUBLIC what it may do in the database
  --mount PATH         of Vault's database engine (databases)
  --connection NAME    of it (DATABASE)
  --role NAME          of it (DATABASE)
  --default-ttl TIME   of credentials that nobody renews; at least two sync intervals of the injector (1h)
  --max-ttl TIME       after which nobody can renew them: a pod that lives longer loses its database (0s: as the engine has it)
  --new-password       also where Vault has one: when it does not work any more
${COMMON_USAGE}`;

const ENTRIES = {
  ...COMMON_OPTIONS,
  'database-url': v.optional(
    v.pipe(
      v.string(),
      v.check((text) => /^postgres(?:ql)?:/.test(text) && URL.canParse(text), 'expected postgres://…'),
    ),
  ),
  server: v.optional(
    v.pipe(v.string(), v.regex(/^(?:\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/, 'expected HOST:PORT')),
  ),
  sslmode: v.optional(
    v.picklist(
      ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
      'expected disable, allow, prefer, require, verify-ca or verify-full',
    ),
  ),
  group: v.optional(postgresName),
  administrator: v.optional(postgresName),
  schemas: textOption,
  template: v.optional(postgresName),
  ownership: v.optional(v.picklist(['trigger', 'set-role'], 'expected trigger or set-role'), 'trigger'),
  'keep-public': flagOption,
  connection: v.optional(vaultName),
  role: v.optional(vaultName),
  'default-ttl': durationOption('1h'),
  'max-ttl': durationOption('0s'),
  'new-password': flagOption,
};
type DatabaseOptions = Readonly<v.InferOutput<v.ObjectSchema<typeof ENTRIES, undefined>>>;

export interface DatabaseWishes {
  readonly options: DatabaseOptions;
  readonly database: DatabaseSettings;
  /** @param server as it was reached, where nothing else is said. */
  engine(server: string): EngineSettings;
}

/** @throws Misuse */
export function readDatabaseWishes(args: readonly string[], environment: NodeJS.ProcessEnv): DatabaseWishes {
  const { options, words } = readCommandLine(NAME, ENTRIES, args, 1);
  const [word] = words;
  if (word === undefined)
    throw new Misuse(`Say which database: ${NAME} DATABASE\nWhat there is: ${NAME} --help`);
  const database = checkedName(word, 'DATABASE');
  const group = options.group ?? checkedName(`${database}_grp`, '--group');
  const administrator = checkedAdministrator(options.administrator ?? `admin_${database}`);
  if (group === administrator) throw new Misuse('--group and --administrator: expected different roles');
  const schemas = (options.schemas ?? '').split(',').map((name) => name.trim());
  const named = schemas.filter((name) => name !== '').map((name) => checkedName(name, '--schemas'));
  const { ownership, template } = options;
  return {
    options,
    database: {
      database,
      group,
      administrator,
      ownership,
      template,
      schemas: [...new Set(['public', ...named])],
      keepPublic: options['keep-public'],
    },
    engine: (server) => ({
      mount: options.mount,
      connection: options.connection ?? asVaultName(database, '--connection'),
      role: options.role ?? asVaultName(database, '--role'),
      connectionUrl: connectionUrl(options.server ?? server, database, sslmodeOf(options, environment)),
      administrator,
      group,
      ownership,
      defaultTtl: options['default-ttl'],
      maxTtl: options['max-ttl'],
    }),
  };
}

function sslmodeOf(options: DatabaseOptions, environment: NodeJS.ProcessEnv): string {
  const url = options['database-url'];
  const ofUrl = url === undefined ? null : new URL(url).searchParams.get('sslmode');
  return options.sslmode ?? (ofUrl || environment['PGSSLMODE'] || 'require');
}

function connectionUrl(server: string, database: string, sslmode: string): string {
  const path = databasePath(database);
  const separator = path.includes('?') ? '&' : '?';
  return `postgresql://{{username}}:{{password}}@${server}${path}${separator}sslmode=${encodeURIComponent(sslmode)}`;
}
