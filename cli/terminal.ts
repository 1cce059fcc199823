/** A command's input and output. */
import { text } from 'node:stream/consumers';
import { styleText } from 'node:util';
import { Refusal } from './refusal.ts';

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** Whether the output is a terminal. */
  readonly isPerson: boolean;
  /** A line of output. */
  say(line: string): void;
  /** Coloured on a terminal, unless NO_COLOR is set. */
  paint(style: Style, text: string): string;
  /** Progress; shown on a terminal only, and replaced by the next line. */
  progress(what: string): void;
  /**
   * Asks a person.
   *
   * @param nothing what is said if the answer is no: `nothing was revoked`.
   * @throws Refusal unless the answer is yes; if there is no terminal to ask on.
   */
  mustConfirm(question: string, nothing: string): Promise<void>;
  readInput(): Promise<string>;
}

const ERASE_LINE = '\r\u001b[2K';

export function createTerminal({ stdin, stdout, stderr }: NodeJS.Process): Terminal {
  let shown = false;
  const erase = () => {
    if (shown) stderr.write(ERASE_LINE);
    shown = false;
  };
  return {
    isPerson: stdout.isTTY === true,
    say(line) {
      erase();
      stdout.write(`${line}\n`);
    },
    paint: (style, plain) => styleText(style, plain, { stream: stdout }),
    progress(what) {
      if (!stderr.isTTY) return;
      erase();
      if (what === '') return;
      stderr.write(what.slice(0, Math.max(0, (stderr.columns || 80) - 1)));
      shown = true;
    },
    async mustConfirm(question, nothing) {
      if (!stdin.isTTY || !stderr.isTTY)
        throw new Refusal(`${nothing}: there is no terminal to ask on; to confirm, add --yes`);
      erase();
      const { default: confirm } = await import('@inquirer/confirm');
      const asked = confirm({ message: question, default: false }, { input: stdin, output: stderr });
      // No answer (the input ends, or Ctrl-C) means no.
      if (!(await asked.catch(() => false))) throw new Refusal(nothing);
    },
    readInput: () => text(stdin),
  };
}
