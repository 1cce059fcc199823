/** The commands of `npx vault-db-injector`. */
import type { Command } from './command.ts';
import { doctorCommand } from './doctor/command.ts';
import { explainCommand } from './explain/command.ts';
import { listCommand } from './list/command.ts';
import { migrateCommand } from './migrate/command.ts';
import { revokeCommand } from './revoke/command.ts';
import { setupCommand } from './setup/command.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: doctorCommand,
  explain: explainCommand,
  list: listCommand,
  migrate: migrateCommand,
  revoke: revokeCommand,
  setup: setupCommand,
};

export const USAGE = `npx vault-db-injector COMMAND [options]

  doctor   checks everything that credentials depend on, and prints the fixes
  explain  shows what would happen to the pods in a file
  list     lists grants by pod
  migrate  replaces tokens stored in the ledger by accessors
  revoke   revokes the credentials of a pod, or one grant
  setup    sets up a database, or an application whose pods get credentials

  COMMAND --help  shows the options of a command`;
