/** What the demo says: short lines, coloured on a terminal (NO_COLOR is honoured), plain in a pipe. */
import { styleText } from 'node:util';

export interface Narrator {
  title(text: string): void;
  /** The heading of a step. */
  step(number: number, of: number, title: string): void;
  note(text: string): void;
  /** Something that was done and held. */
  did(what: string, ms?: number): void;
  fact(name: string, value: string): void;
  /** What somebody else said, wrapped. */
  quote(text: string): void;
  failed(what: string): void;
  /** Masks this text in all further output. */
  hide(secret: string): void;
}

const MASK = '••••••••';
const TIME_COLUMN = 64;
const NAME_WIDTH = 14;

/** @param secrets those that are masked already; `hide` adds to them. */
export function createNarrator(write: (line: string) => void, secrets: Set<string>): Narrator {
  const say = (line: string) =>
    write([...secrets].reduce((text, secret) => text.replaceAll(secret, MASK), line));
  return {
    title: (text) => say(styleText('bold', text)),
    step: (number, of, title) => say(`\n${styleText('cyan', `${number}/${of}`)} ${styleText('bold', title)}`),
    note: (text) => say(`    ${styleText('dim', text)}`),
    did(what, ms) {
      const time = ms === undefined ? '' : styleText('dim', `${Math.round(ms)} ms`.padStart(7));
      const text = ms === undefined ? what : `${what.padEnd(TIME_COLUMN)} `;
      say(`  ${styleText('green', '✔')} ${text}${time}`);
    },
    fact: (name, value) => say(`      ${styleText('dim', name.padEnd(NAME_WIDTH))}${value}`),
    quote(text) {
      for (const line of wrapped(text)) say(`      ${styleText('yellow', '│')} ${line}`);
    },
    failed: (what) => say(`  ${styleText('red', '✘')} ${what}`),
    hide(secret) {
      if (secret === '') return;
      secrets.add(secret);
      secrets.add(encodeURIComponent(secret));
    },
  };
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < TIME_COLUMN) lines.splice(-1, 1, `${last} ${word}`);
    else lines.push(word);
  }
  return lines;
}
