/** Command line parsing: everything is checked at once, and all faults are reported in one message. */
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { nearest } from './nearest.ts';
import { Misuse } from './refusal.ts';

const text = v.pipe(v.string(), v.nonEmpty('expected a string that is not empty'));
export const textOption = v.optional(text);
export const flagOption = v.optional(v.boolean(), false);
export const secondsOption = (fallback: string) =>
  v.optional(
    v.pipe(text, v.regex(/^\d{1,5}$/, 'expected a number of seconds'), v.transform(Number)),
    fallback,
  );

type Entries = Readonly<Record<string, v.GenericSchema>>;
type Options<E extends Entries> = v.InferOutput<v.ObjectSchema<E, undefined>>;

export interface CommandLine<E extends Entries> {
  readonly options: Options<E>;
  /** Positional arguments. */
  readonly words: readonly string[];
}

/**
 * @param command named in the message if something is not understood.
 * @throws Misuse
 */
export function readArguments<E extends Entries>(
  command: string,
  entries: E,
  args: readonly string[],
): Options<E> {
  return readCommandLine(command, entries, args, 0).options;
}

/**
 * Same as `readArguments`.
 *
 * @param most positional arguments.
 */
export function readCommandLine<E extends Entries>(
  command: string,
  entries: E,
  args: readonly string[],
  most: number,
): CommandLine<E> {
  const { values, words } = given(command, entries, args, most);
  const parsed = v.safeParse(v.object(entries), values, { abortPipeEarly: true });
  if (parsed.success) return { options: parsed.output, words };
  throw new Misuse(
    parsed.issues.map((issue) => `--${v.getDotPath(issue) ?? ''}: ${issue.message}`).join('\n'),
  );
}

function given(command: string, entries: Entries, args: readonly string[], most: number) {
  const options = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [
      name,
      {
        type: entry === flagOption ? ('boolean' as const) : ('string' as const),
        ...(name === 'help' && { short: 'h' }),
      },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: most > 0 });
    const surplus = positionals[most];
    if (surplus !== undefined) throw new Error(`Unexpected argument '${surplus}'`);
    return { values: { ...values }, words: positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : 'not understood';
    throw new Misuse(`${message}${suggestion(message, entries)}\nSee: ${helpOf(command)}`);
  }
}

function suggestion(message: string, entries: Entries): string {
  const [, unknown] = /^Unknown option '--([^']+)'/.exec(message) ?? [];
  const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(entries));
  return meant === undefined ? '' : `. Did you mean --${meant}?`;
}

/** npm passes on only what follows two dashes. */
function helpOf(command: string): string {
  return command.startsWith('npm run ') ? `${command} -- --help` : `${command} --help`;
}
