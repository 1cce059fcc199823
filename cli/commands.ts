/** What `npx vault-db-injector` knows. */
import type { Command } from './command.ts';
import { doctorCommand } from './doctor/command.ts';
import { explainCommand } from './explain/command.ts';
import { listCommand } from './list/command.ts';
import { revokeCommand } from './revoke/command.ts';
import { setupCommand } from './setup/command.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: doctorCommand,
  explain: explainCommand,
  list: listCommand,
  revoke: revokeCommand,
  setup: setupCommand,
};

export const USAGE = `npx vault-db-injector COMMAND [options]

  doctor   whether all that credentials depend on is as it must be, and what mends it
  explain  what would happen to the pods in a file
  list     the grants that there are, by pod
  revoke   ends the credentials of a pod, or one grant
  setup    a database, or an application, for which pods are given credentials

  COMMAND --help  its options`;
