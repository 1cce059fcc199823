import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatches } from '../../../../shared/vault/glob.ts';

describe('a pattern', () => {
  test.each([
    ['app', 'app'],
    ['*', ''],
    ['*', 'anything'],
    ['app*', 'app'],
    ['app*', 'app-worker'],
    ['*app', 'my-app'],
    ['a*p', 'ap'],
    ['a*b*c', 'a-b-b-c'],
    ['**', 'x'],
    ['*b*', 'abc'],
    ['a.c', 'a.c'],
  ])('%s matches "%s"', (pattern, subject) => expect(globMatches(pattern, subject)).toBe(true));

  test.each([
    ['app', 'apps'],
    ['app', 'App'],
    ['', 'x'],
    ['app*', 'my-app'],
    ['*app', 'app-x'],
    ['ab*ba', 'aba'],
    ['a*b*b', 'ab'],
    ['a?c', 'abc'],
    ['a.c', 'abc'],
    ['[ab]', 'a'],
    ['a|b', 'a'],
  ])('%s does not match "%s"', (pattern, subject) => expect(globMatches(pattern, subject)).toBe(false));

  test('matches what a regular expression with .* in place of each * matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*', '.'), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (pattern, subject) => {
        const parts = pattern.split('*').map((part) => part.replaceAll('.', '\\.'));
        expect(globMatches(pattern, subject)).toBe(new RegExp(`^${parts.join('.*')}$`, 's').test(subject));
      }),
    );
  });
});
