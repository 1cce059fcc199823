import fc from 'fast-check';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { describe, expect, test } from 'vitest';
import {
  databasePath,
  psqlConnection,
  vaultIdentifier,
  vaultLiteral,
} from '../../../../cli/setup/quoting.ts';
import { shellWord } from '../../../../cli/shell-word.ts';
import { anyName } from './any-name.ts';

/** What PostgreSQL reads: what stands between the quotes, those that are doubled once. */
const unquoted = (quoted: string, quote: string): string => {
  const [, inner = ''] =
    new RegExp(`^${quote}((?:[^${quote}]|${quote}{2})*)${quote}$`, 's').exec(quoted) ?? [];
  return inner.replaceAll(quote + quote, quote);
};
const byNumber = (text: string): string =>
  text.replace(/\\\+([\da-f]{6})/g, (_, number: string) => String.fromCodePoint(Number.parseInt(number, 16)));

describe('any name is just a name', () => {
  test('in SQL', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(unquoted(escapeIdentifier(name), '"')).toBe(name);
        const text = escapeLiteral(name).trim();
        const read = text.startsWith('E')
          ? unquoted(text.slice(1), "'").replaceAll('\\\\', '\\')
          : unquoted(text, "'");
        expect(read).toBe(name);
      }),
    );
  });

  test('in statements that Vault fills in and splits', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        for (const [quoted, quote] of [
          [vaultIdentifier(name), '"'],
          [vaultLiteral(name), "'"],
        ] as const) {
          expect(quoted).not.toMatch(/[{};$]/);
          expect(byNumber(unquoted(quoted.replace(/^U&/, ''), quote))).toBe(name);
        }
      }),
    );
  });

  test("in Vault's connection URL, and in a pod's variable", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const path = databasePath(name);
        expect(path).toMatch(/^\/(?:\?dbname=)?[\w.~%-]*$/);
        const url = new URL(`postgres://host${path}`);
        const there = url.searchParams.get('dbname') ?? decodeURIComponent(url.pathname.slice(1));
        // A dot alone means a folder to this parser; PostgreSQL's drivers know of no folders.
        fc.pre(!['.', '..'].includes(name));
        expect(there).toBe(name);
      }),
    );
  });
});

test.each([
  ['plain', '"plain"', '"plain"'],
  ['my-db"; drop', '"my-db""; drop"', 'U&"my-db\\+000022\\+00003b drop"'],
  ['{{password}}', '"{{password}}"', 'U&"\\+00007b\\+00007bpassword\\+00007d\\+00007d"'],
])('%s', (name, plainly, forVault) => {
  expect([escapeIdentifier(name), vaultIdentifier(name)]).toEqual([plainly, forVault]);
});

test('of a shell and of psql', () => {
  expect([shellWord('a/b-c'), shellWord("it's $(id)")]).toEqual(['a/b-c', String.raw`'it'\''s $(id)'`]);
  expect(psqlConnection('a=b')).toBe(`'dbname=''a=b'''`);
});
