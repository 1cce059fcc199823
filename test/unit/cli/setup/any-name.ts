import fc from 'fast-check';
import { postgresName } from '../../../../cli/setup/names.ts';

const NASTY = [
  '"',
  "'",
  ';',
  '\\',
  '$',
  '{{',
  '}}',
  '{{name}}',
  '$do$',
  '--',
  '/*',
  '%',
  ' ',
  '`',
  '(',
  '/',
  '?',
  '=',
  'é',
  '💥',
  'a',
];

/** What PostgreSQL takes for a name, hostile pieces before all. */
export const anyName = fc
  .oneof(
    fc.array(fc.constantFrom(...NASTY), { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 15 }),
  )
  .filter(isPostgresName);

function isPostgresName(name: string): boolean {
  try {
    return postgresName(name) === name;
  } catch {
    return false;
  }
}
