import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import type { Terminal } from './terminal.ts';

const PARTS = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
];
const NO_BORDERS = { ...Object.fromEntries(PARTS.map((part) => [part, ''])), middle: '  ' };

/** Aligned columns with headers on a terminal; tab-separated cells without headers otherwise. */
export function table(
  { isPerson, paint }: Pick<Terminal, 'isPerson' | 'paint'>,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  if (!isPerson) return rows.map((row) => row.map(stripVTControlCharacters).join('\t'));
  const aligned = new Table({ chars: NO_BORDERS, style: { 'padding-left': 0, 'padding-right': 0 } });
  aligned.push(
    heads.map((head) => paint('bold', head)),
    ...rows.map((row) => [...row]),
  );
  return aligned
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
