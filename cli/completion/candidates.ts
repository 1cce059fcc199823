/** What the last word of a command line may become, from the description of the commands. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';

export type Described = Pick<
  CommandUnknownOpts,
  'commands' | 'options' | 'registeredArguments' | 'createHelp'
>;

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** @param words after the program's name, the one at the cursor included; that one may be empty. */
export function candidates(root: Described, words: readonly string[]): Candidate[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = before.reduce<Described>(
    (parent, word) => parent.commands.find((child) => child.name() === word) ?? parent,
    root,
  );
  const previous = command.options.find(({ short, long }) => [short, long].includes(before.at(-1)));
  const all =
    previous?.required || previous?.optional
      ? asCandidates(previous.argChoices)
      : current.startsWith('-')
        ? optionsOf(command)
        : [
            ...commandsOf(command),
            ...asCandidates(command.registeredArguments.flatMap((one) => one.argChoices ?? [])),
          ];
  return all.filter(({ value }) => value.startsWith(current));
}

const asCandidates = (values: readonly string[] = []): Candidate[] =>
  values.map((value) => ({ value, description: '' }));

const optionsOf = ({ options }: Described): Candidate[] =>
  options.flatMap(({ long, description }) => (long ? [{ value: long, description }] : []));

const commandsOf = (command: Described): Candidate[] =>
  command.commands
    .filter((child) => child.name() !== 'complete')
    .map((child) => ({ value: child.name(), description: child.description() }));
