/** docs/security.md names tests that are there, and commands that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tableIn } from './markdown-table.ts';

const text = readFileSync('docs/security.md', 'utf8');
const named = [...new Set(text.match(/test\/[\w./-]+/g))];
const COLUMNS = ['attack surface', 'who could use it', 'what guards it', 'left open', 'proved by'];
const doors = text
  .split(/^## /m)
  .slice(1)
  .flatMap((chapter) => tableIn(chapter, COLUMNS));

test.each(named)('%s is there', (path) => {
  expect(existsSync(path)).toBe(true);
});

describe.each(doors)('the door "%s"', (_, visitors, guard, open, proof) => {
  test('says who could come in, and either a guard with its proof or what is left open', () => {
    expect(visitors).not.toBe('');
    expect([guard, open]).not.toEqual(['', '']);
    const isOurs = guard !== '' && guard !== 'RBAC' && !guard?.startsWith('RBAC: ');
    expect(/test\//.test(proof ?? '')).toBe(isOurs);
  });
});

test('its commands are those of the package', () => {
  const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  for (const [, name = ''] of text.matchAll(/npm run ([\w:-]+)/g))
    expect(Object.keys(scripts)).toContain(name);
});
