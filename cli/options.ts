/** Command lines: what is there is checked at once, what is wrong is said in one message. */
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { Refusal } from './refusal.ts';

const text = v.pipe(v.string(), v.nonEmpty('expected a text that is not empty'));
export const textOption = v.optional(text);
export const flagOption = v.optional(v.boolean(), false);
export const secondsOption = (fallback: string) =>
  v.optional(
    v.pipe(text, v.regex(/^\d{1,5}$/, 'expected a number of seconds'), v.transform(Number)),
    fallback,
  );

type Entries = Readonly<Record<string, v.GenericSchema>>;

/**
 * @param command to be named where something is not understood.
 * @throws Refusal
 */
export function readArguments<E extends Entries>(
  command: string,
  entries: E,
  args: readonly string[],
): v.InferOutput<v.ObjectSchema<E, undefined>> {
  const parsed = v.safeParse(v.object(entries), given(command, entries, args), { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  throw new Refusal(
    parsed.issues.map((issue) => `--${v.getDotPath(issue) ?? ''}: ${issue.message}`).join('\n'),
  );
}

function given(command: string, entries: Entries, args: readonly string[]): object {
  const options = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [
      name,
      { type: entry === flagOption ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return { ...parseArgs({ args: [...args], options }).values };
  } catch (error) {
    throw new Refusal(
      `${error instanceof Error ? error.message : 'not understood'}\nWhat there is: ${command} -- --help`,
    );
  }
}
