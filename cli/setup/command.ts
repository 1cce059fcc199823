/** `setup`: creates what an application needs in PostgreSQL and Vault. */
import type { Command } from '../command.ts';
import { Misuse } from '../refusal.ts';
import { APP_USAGE, setUpApp } from './app.ts';
import { setUpDatabase } from './database.ts';
import { DATABASE_USAGE } from './database-options.ts';

const PARTS: Readonly<Record<string, Command['run']>> = { database: setUpDatabase, app: setUpApp };

export const setupCommand: Command = {
  usage: `${DATABASE_USAGE}

${APP_USAGE}

Existing objects stay, so it can be run again; it prints a plan and asks for confirmation before it changes anything.
Exit code: 0 if everything is set up, 1 if not, 2 if the command line is invalid. See docs/setup-postgresql.md.`,
  run([part = '', ...args], environment, terminal) {
    const run = Object.hasOwn(PARTS, part) ? PARTS[part] : undefined;
    if (!run)
      throw new Misuse(
        'Name what to set up: npx vault-db-injector setup database|app\nSee: npx vault-db-injector setup --help',
      );
    return run(args, environment, terminal);
  },
};
