import { command, runs, withInstallation, YES } from '../command.ts';

const ledgerCommand = withInstallation(
  command('ledger', 'replace tokens stored in the ledger by accessors')
    .option('--dry-run', 'print what would be done; nothing is written')
    .option(
      '--go-injector-gone',
      'confirm that the Go injector no longer runs, if its grants are in the ledger',
    )
    .option(...YES),
)
  .addHelpText(
    'after',
    `
Run it after setting "tokenReference: accessor": in existing records, accessors
replace the tokens, in all versions, so that the ledger contains no usable
credential. Pods are not affected. It can be interrupted and run again; sweeps
and events continue meanwhile. The Go injector cannot use such records, and its
renewer would remove the accessors.
Exit code: 0 if no live token is left; 1 if some are, or nothing was done. Runs
as the renewal job: you need \`create\` on \`serviceaccounts/token\`.`,
  )
  .action(runs(async (caller, options) => (await import('./run.ts')).migrateLedger(options, caller)));

export type MigrateOptions = ReturnType<typeof ledgerCommand.opts>;
export const migrateCommand = command('migrate', 'change how existing grants are stored')
  .helpCommand(false)
  .addCommand(ledgerCommand);
