/** A command's input and output. */

import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters, styleText } from 'node:util';

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
  /** @returns `undefined` if there is no terminal to ask on. */
  confirm(question: string): Promise<boolean> | undefined;
  readInput(): Promise<string>;
}

const ERASE_LINE = '\r\u001b[2K';

export function createTerminal({ stdin, stdout, stderr }: NodeJS.Process): Terminal {
  let shown = false;
  // A closed pipe (`… | head -1`) must not interrupt the work: it is completed.
  stdout.on('error', (error) => {
    if (!('code' in error) || error.code !== 'EPIPE') throw error;
  });
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
    confirm(question) {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      erase();
      return ask(question);
    },
    readInput: () => text(stdin),
  };

  async function ask(question: string): Promise<boolean> {
    const lines = createInterface({ input: stdin, output: stderr });
    // No answer (the input ends, or Ctrl-C) means no.
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(`${question} [y/N] `), ended]);
    lines.close();
    return /^y(?:es)?$/i.test(answer.trim());
  }
}

/** Aligned columns with headers on a terminal; tab-separated cells without headers otherwise. */
export function table(
  { isPerson, paint }: Pick<Terminal, 'isPerson' | 'paint'>,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  if (!isPerson) return rows.map((row) => row.map(stripVTControlCharacters).join('\t'));
  const all = [heads.map((head) => paint('bold', head)), ...rows];
  const length = (cell: string) => stripVTControlCharacters(cell).length;
  const widths = heads.map((_, column) => Math.max(...all.map((row) => length(row[column] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - length(cell)))
      .join('  ')
      .trimEnd(),
  );
}
