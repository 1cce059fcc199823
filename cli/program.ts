/** The tree of commands. Help, defaults, suggestions, completion and docs/cli.md come from this one description. */
import { buildInfo } from '../shared/build-info.ts';
import { command } from './command.ts';
import { completeCommand, completionCommand } from './completion/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { explainCommand } from './explain/command.ts';
import { installCommand, upgradeCommand } from './install/command.ts';
import { replayCommand, sweepCommand } from './jobs/command.ts';
import { listCommand } from './list/command.ts';
import { migrateCommand } from './migrate/command.ts';
import { revokeCommand } from './revoke/command.ts';
import { rotateCommand } from './rotate/command.ts';
import { setupCommand } from './setup/command.ts';
import { uninstallCommand } from './uninstall/command.ts';

export function createProgram() {
  const program = command('vault-db-injector', 'Database credentials for pods, from Vault or OpenBao.')
    .version(buildInfo.version, '-V, --version', 'show the version')
    .helpCommand('help [command]', 'show the help of a command')
    .addCommand(installCommand)
    .addCommand(upgradeCommand)
    .addCommand(uninstallCommand)
    .addCommand(rotateCommand)
    .addCommand(sweepCommand)
    .addCommand(replayCommand)
    .addCommand(doctorCommand)
    .addCommand(explainCommand)
    .addCommand(listCommand)
    .addCommand(revokeCommand)
    .addCommand(migrateCommand)
    .addCommand(setupCommand)
    .addCommand(completionCommand)
    .addHelpText('after', AFTER);
  return program.addCommand(completeCommand(program), { hidden: true });
}

const AFTER = `
Exit code: 0 if all is done, or well; 1 if not; 2 if the command line is
invalid. Progress and errors are written to standard error.`;
