/** `npx vault-db-injector`; in the image `vault-db-injector.cjs`. */
import { InjectorError } from '../shared/errors.ts';
import { COMMANDS, USAGE } from './commands.ts';
import { nearest } from './nearest.ts';
import { Misuse, Refusal } from './refusal.ts';
import { createTerminal } from './terminal.ts';

const FAILED = 1;
const MISUSED = 2;

async function main([name, ...args]: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const terminal = createTerminal(process);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    terminal.say(USAGE);
    return name === undefined ? MISUSED : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new Misuse(unknownCommand(name));
  if (args.some((one) => one === '--help' || one === '-h')) {
    terminal.say(command.usage);
    return 0;
  }
  try {
    return await command.run(args, environment, terminal);
  } finally {
    terminal.progress('');
  }
}

function unknownCommand(name: string): string {
  const meant = nearest(name, Object.keys(COMMANDS));
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  return `Unknown command '${name}'.${hint}\nSee: npx vault-db-injector --help`;
}

function explainEnd(error: unknown): number {
  console.error(error instanceof Refusal || error instanceof InjectorError ? error.message : error);
  return error instanceof Misuse ? MISUSED : FAILED;
}

// Sets the exit code instead of calling process.exit, which would cut off output to a pipe.
main(process.argv.slice(2), process.env)
  .catch(explainEnd)
  .then((code) => {
    process.exitCode = code;
  });
