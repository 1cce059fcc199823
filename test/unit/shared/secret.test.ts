import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable, Secret } from '../../../shared/secret.ts';

const VALUE = 'planted-password';

describe('a secret', () => {
  const secret = new Secret(VALUE);

  test('is revealed where it is sent', () => expect(secret.reveal()).toBe(VALUE));

  test.each<readonly [string, (secret: Secret) => string]>([
    ['as a string', String],
    ['in a template', (it) => `${it}`],
    ['added to a string', (it) => `password: ${it}`.concat(String(it))],
    ['as JSON', (it) => JSON.stringify({ it, list: [it] })],
    ['inspected', (it) => inspect(it, { showHidden: true, depth: 9 })],
    [
      'inspected inside of others',
      (it) => inspect({ deep: { deeper: [it] } }, { showHidden: true, depth: 9 }),
    ],
    ['formatted', (it) => format('%s %o %O %j', it, it, it, it)],
    ['in an error', (it) => inspect(new Error(`refused: ${it}`, { cause: it }))],
    ['spread', (it) => JSON.stringify({ ...it })],
    ['by its own properties', (it) => JSON.stringify(Object.getOwnPropertyNames(it))],
    ['cloned', (it) => JSON.stringify(structuredClone(it))],
  ])('%s does not show', (_, show) => expect(show(secret)).not.toContain(VALUE));

  test('says what it is instead', () => {
    expect([String(secret), JSON.stringify(secret), inspect(secret)]).toEqual([
      '[redacted]',
      '"[redacted]"',
      '[redacted]',
    ]);
  });
});

describe('a foreign text in one of our lines', () => {
  const long = 'A1b2_-'.repeat(8);

  test.each([
    ["Vault's tokens", `token hvs.${long} expired`, 'token [redacted] expired'],
    ['batch tokens', `hvb.${long}`, '[redacted]'],
    ["older tokens, and OpenBao's", `is s.${long}, or r.${long}`, 'is [redacted], or [redacted]'],
    ['JWTs', `jwt=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2lnbmF0dXJl!`, 'jwt=[redacted]!'],
    ['JWTs without a signature', 'eyJhbGciOiJub25lIn0.eyJpc3MiOiJr.', '[redacted]'],
  ])('is masked: %s', (_, text, shown) => expect(printable(text)).toBe(shown));

  test.each([
    'https://vault.example:8200/v1/sys',
    'my-s.short',
    'gule-rw-1795369902-IDETaZFZ',
    'class.method',
  ])('stays: %s', (text) => expect(printable(text)).toBe(text));

  test('has no line ends and no control characters', () => {
    expect(printable('a\r\nb\tc\u0000d\u2028e\u2029f\u001b[31mg\u0085h')).toBe('a b c d e f [31mg h');
  });

  test.each([
    ['turn the line round', 'role "\u202egnp.exe"', 'role " gnp.exe"'],
    ['keep it apart', 'a\u2066b\u2069c', 'a b c'],
    ['cannot be seen', 'ro\u200ble\u00ad\ufeffx\u{e0041}', 'ro le x'],
    [
      'part a token',
      `hvs.${'a'.repeat(10)}\u200b${'a'.repeat(10)}`,
      `hvs.${'a'.repeat(10)} ${'a'.repeat(10)}`,
    ],
  ])('has no signs of format, such as those that %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('has at most so many characters', () => {
    expect(printable('x'.repeat(300))).toBe(`${'x'.repeat(199)}…`);
    expect(printable('x'.repeat(10), 10)).toBe('x'.repeat(10));
  });

  test('is one line of bounded length, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 400 }),
        fc.integer({ min: 1, max: 100 }),
        (text, limit) => {
          const shown = printable(text, limit);
          expect(shown.length).toBeLessThanOrEqual(limit);
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        },
      ),
    );
  });

  test.each([
    ["Vault's", `hvs.${'Zq7'.repeat(30)}`],
    ['a JWT', `eyJ${'Zq7'.repeat(30)}.${'Zq7'.repeat(60)}.${'Zq7'.repeat(30)}`],
  ])('shows nothing of a token that its cut goes through: %s', (_, token) => {
    const limit = 50;
    // What comes to nothing, so that the cut comes into view.
    for (let before = 0; before < 1_500; before += 1) {
      for (const filler of ['\u0000', ' ', `s.${'a'.repeat(500)} `]) {
        const text = `${filler.repeat(Math.ceil(before / filler.length)).slice(0, before)} ${token} the end`;
        expect(printable(text, limit)).not.toContain('Zq7');
      }
    }
  });

  test('has no half of a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('😀', 'x', '\ud83d', '\ude00') }), (text) => {
        expect(printable(text, 5).isWellFormed()).toBe(true);
      }),
    );
  });
});
