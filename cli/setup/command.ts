import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { command, matching, outputOption, runs, text, withVault, YES } from '../command.ts';
import { duration, postgresName, vaultMount, vaultName } from './names.ts';

const AFTER = `
Existing objects stay, so it can be run again: it prints a plan and asks for
confirmation before it changes anything. Connects as you, with the environment
variables of psql and vault. See docs/setup-postgresql.md.`;

const withPlan = <A extends unknown[], O extends OptionValues>(described: Command<A, O>) =>
  withVault(
    described.option('--mount <path>', "mount of Vault's database engine", vaultMount, 'databases'),
    '',
  )
    .option('--dry-run', 'print what would be done, change nothing')
    .option(...YES)
    .addHelpText('after', AFTER);

const databaseCommand = withPlan(
  command('database', 'set up a database and its role in Vault')
    .argument('<database>', 'its name', postgresName)
    // Checked later: an invalid one would be printed, with its password.
    .option(
      '--database-url <url>',
      'server and a user who may create roles and databases (default: PGHOST, PGPORT, PGUSER, PGPASSWORD, …); keep passwords out of it: process lists show them',
      text,
    )
    .option(
      '--server <host:port>',
      'server as seen from Vault (default: that of --database-url or PGHOST)',
      matching(/^(?:\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/, 'HOST:PORT'),
    )
    .addOption(
      new Option(
        '--sslmode <mode>',
        "TLS mode of Vault's connection (default: that of --database-url or PGSSLMODE, or require)",
      ).choices(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']),
    )
    .option(
      '--group <name>',
      'role that owns the database and everything in it (default: DATABASE_grp)',
      postgresName,
    )
    .option(
      '--administrator <name>',
      'role that Vault logs in as (default: admin_DATABASE); its password is changed',
      postgresName,
    )
    .option(
      '--schemas <names>',
      "the group's schemas beside public, separated by commas; created if missing",
      text,
    )
    .option(
      '--template <name>',
      'template for the database; created if missing, with the event trigger',
      postgresName,
    )
    .addOption(
      new Option(
        '--ownership <way>',
        'trigger: an event trigger gives the group what a temporary role creates; needs a superuser once. set-role: temporary roles act as the group from the start',
      )
        .choices(['trigger', 'set-role'])
        .default('trigger'),
    )
    .option('--keep-public', "keep PUBLIC's rights in the database")
    .option('--connection <name>', 'name of its connection in Vault (default: DATABASE)', vaultName)
    .option('--role <name>', 'name of its role in Vault (default: DATABASE)', vaultName)
    .option(
      '--default-ttl <time>',
      'lifetime of credentials without renewal; at least two sync intervals of the injector',
      duration,
      '1h',
    )
    .option(
      '--max-ttl <time>',
      "limit of renewals: a pod that lives longer loses its database; 0s is the engine's limit",
      duration,
      '0s',
    )
    .option('--new-password', 'set a new password even if Vault has one')
    .option('--take-over', 'confirm that a maintenance database, such as postgres, is meant')
    .addOption(outputOption(['sql'], 'print a script for psql instead; connects to nothing')),
).action(
  runs(async (caller, database, options) =>
    (await import('./database.ts')).setUpDatabase(database, options, caller),
  ),
);

const appCommand = withPlan(
  command('app', "let an application's pods have credentials")
    .requiredOption('-n, --namespace <name>', "namespace of the application's pods", kubernetesName)
    .requiredOption('--service-account <name>', 'their service account', kubernetesName)
    .requiredOption('--role <name>', 'database role whose credentials they may have', vaultName)
    .option('--name <name>', 'name of policy and auth role (default: NAMESPACE-SERVICEACCOUNT)', vaultName)
    .option(
      '--database <name>',
      'name of the database in annotations (default: that of --role)',
      matching(/^[a-zA-Z\d](?:[\w.-]{0,40}[a-zA-Z\d])?$/, 'a name fit for an annotation'),
    )
    .option('--auth-path <path>', "mount of Vault's Kubernetes auth method", vaultMount, 'kubernetes'),
).action(runs(async (caller, options) => (await import('./app.ts')).setUpApp(options, caller)));

function kubernetesName(value: string): string {
  return matching(/^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/, 'a name in Kubernetes')(value);
}

export const setupCommand = command('setup', 'set up PostgreSQL and Vault for an application')
  .helpCommand(false)
  .addCommand(databaseCommand)
  .addCommand(appCommand);

export type DatabaseOptions = ReturnType<typeof databaseCommand.opts>;
export type AppOptions = ReturnType<typeof appCommand.opts>;
