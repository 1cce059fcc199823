import { Refusal } from './refusal.ts';

interface Command {
  readonly args: readonly string[];
  readonly say: (line: string) => void;
  /** kubectl, or the program that KUBECTL names. */
  readonly program: string;
}

/** Runs a command: returns its exit code, or 1 with the message of a Refusal. */
export async function runCommand(command: (given: Command) => Promise<number>): Promise<never> {
  try {
    const code = await command({
      args: process.argv.slice(2),
      say: (line) => console.log(line),
      program: process.env['KUBECTL'] || 'kubectl',
    });
    process.exit(code);
  } catch (error) {
    console.error(error instanceof Refusal ? error.message : error);
    process.exit(1);
  }
}
