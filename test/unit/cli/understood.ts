/** What the program makes of a command line, without doing it. */
import { createProgram } from '../../../cli/program.ts';

class Understood extends Error {
  readonly options: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];

  constructor(options: Readonly<Record<string, unknown>>, words: readonly string[]) {
    super('understood');
    this.options = options;
    this.words = words;
  }
}

type Program = ReturnType<typeof createProgram>;
type Described = Program['commands'][number];

/** All commands of the tree, the hidden ones excepted, each with its full name: `setup database`. */
export function commandsOf(
  program: Pick<Described, 'commands' | 'createHelp'>,
  path: readonly string[] = [],
) {
  const found: { readonly name: string; readonly command: Described }[] = [];
  for (const command of program.commands) {
    if (command.name() === 'complete') continue;
    const names = [...path, command.name()];
    found.push({ name: names.join(' '), command }, ...commandsOf(command, names));
  }
  return found;
}

/** The text that `--help` prints, with what is added at its end. */
export function helpOf(command: Pick<Described, 'configureOutput' | 'outputHelp'>): string {
  let help = '';
  const writeOut = (text: string) => {
    help += text;
  };
  command.configureOutput({ writeOut });
  command.outputHelp();
  return help.trimEnd();
}

/** @throws CommanderError or Misuse if it is not understood. */
export async function understand(args: readonly string[]): Promise<Omit<Understood, keyof Error>> {
  const program = createProgram();
  for (const { command } of commandsOf(program)) {
    if (command.commands.length > 0) continue;
    command.configureOutput({ writeErr: () => {}, writeOut: () => {} });
    command.hook('preAction', (_, asked) => {
      throw new Understood(asked.opts(), asked.args);
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof Understood) return error;
    throw error;
  }
  throw new Error('it was done');
}
