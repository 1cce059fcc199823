import { command, jsonOption, outputOption, runs, withInstallation } from '../command.ts';

export const doctorCommand = withInstallation(
  command('doctor', 'check everything that credentials depend on, and print the fixes')
    .addOption(outputOption(['json', 'yaml'], 'output for programs'))
    .addOption(jsonOption()),
)
  .addHelpText(
    'after',
    `
  ✓ ok   ✗ failed, with the fix
  ? unknown: could not run, with the reason   - skipped: needs another check

Nothing is changed. Exit code: 0 if no check failed; 1 if a check failed or was
skipped; 2 if the command line is invalid.
With a VAULT_TOKEN (or ~/.vault-token) that may read the roles of the database
engines, these are checked, too.`,
  )
  .action(runs(async (caller, options) => (await import('./run.ts')).doctor(options, caller)));

export type DoctorOptions = ReturnType<typeof doctorCommand.opts>;
