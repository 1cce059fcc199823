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

  --database-url URL   server and a user who may create roles and databases (default: PGHOST, PGPORT, PGUSER, PGPASSWORD, …)
  --server HOST:PORT   server as seen from Vault (default: that of --database-url or PGHOST)
  --sslmode MODE       TLS mode of Vault's connection (default: that of --database-url or PGSSLMODE, or require)
  --group NAME         role that owns the database and everything in it (default: DATABASE_grp)
  --administrator NAME role that Vault logs in as (default: admin_DATABASE); its password is changed
  --schemas LIST       the group's schemas beside public, separated by commas; created if missing
  --template NAME      template for the database; created if missing, with the event trigger
  --ownership WAY      trigger (default): an event trigger gives the group what a temporary role creates; needs a superuser once;
                       set-role: temporary roles act as the group from the start; needs no superuser
  --keep-public        keep PUBLIC's rights in the database
  --mount PATH         mount of Vault's database engine (default: databases)
  --connection NAME    name of its connection (default: DATABASE)
  --role NAME          name of its role (default: DATABASE)
  --default-ttl TIME   lifetime of credentials without renewal; at least two sync intervals of the injector (default: 1h)
  --max-ttl TIME       limit of renewals: a pod that lives longer loses its database (default: 0s, the engine's limit)
  --new-password       set a new password even if Vault has one, for example if that no longer works
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
  /** @param server the connection that worked, used as the default. */
  engine(server: string): EngineSettings;
}

/** @throws Misuse */
export function readDatabaseWishes(args: readonly string[], environment: NodeJS.ProcessEnv): DatabaseWishes {
  const { options, words } = readCommandLine(NAME, ENTRIES, args, 1);
  const [word] = words;
  if (word === undefined) throw new Misuse(`Name a database: ${NAME} DATABASE\nSee: ${NAME} --help`);
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
