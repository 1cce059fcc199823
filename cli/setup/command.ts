/** `setup`: what an application needs of PostgreSQL and Vault, made from nothing. */
import type { Command } from '../command.ts';
import { Misuse } from '../refusal.ts';
import { APP_USAGE, setUpApp } from './app.ts';
import { setUpDatabase } from './database.ts';
import { DATABASE_USAGE } from './database-options.ts';

const PARTS: Readonly<Record<string, Command['run']>> = { database: setUpDatabase, app: setUpApp };

export const setupCommand: Command = {
  usage: `${DATABASE_USAGE}

${APP_USAGE}

What is there already stays, so that it may be run again; a plan is printed and a question asked before anything is done.
Exit code: 0 all is there, 1 something is not, 2 for a command line that is not understood. See docs/setup-postgresql.md.`,
  run([part = '', ...args], environment, terminal) {
    const run = Object.hasOwn(PARTS, part) ? PARTS[part] : undefined;
    if (!run)
      throw new Misuse(
        'Say what to set up: npx vault-db-injector setup database|app\nWhat there is: npx vault-db-injector setup --help',
      );
    return run(args, environment, terminal);
  },
};
