import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InjectorError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

function refusalOf(text: string): [string, string] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof InjectorError) return [error.code, error.message];
  }
  throw new Error('it is not refused');
}

test('is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
  );
});

describe('is refused before it is read, by a sentence that names the limit', () => {
  test.each([
    ['objects', `[${'{},'.repeat(30_000)}{}]`, 60_002],
    ['numbers', `[${'1,'.repeat(60_000)}1]`, 60_001],
    ['keys', `{${Array.from({ length: 60_000 }, (_, index) => `"${index}":""`).join()}}`, 60_000],
    ['lists', '[]'.repeat(1_500_000), 1_500_000],
  ])('too many %s', (_, text, values) => {
    expect(refusalOf(text)).toEqual([
      'request_too_large',
      `the body has ${values} values: expected at most 25000`,
    ]);
  });

  test.each(['[', '{"a":', '[{"a":'])('too many levels of %s', (opening) => {
    expect(refusalOf(`${opening.repeat(12_000)}${' '.repeat(20_000)}`)).toEqual([
      'request_too_large',
      expect.stringMatching(/^the body has (?:12000|24000) levels: expected at most 100$/),
    ]);
  });
});

test('what stands in a text is no value', () => {
  const text = `${'[{,'.repeat(100_000)}\\"${'\\'.repeat(8)}`;
  expect(parse(`["${text}",1]`)).toEqual(JSON.parse(`["${text}",1]`));
});

test.each(['', '{', '"', '"\\', ']]]', '\u0000', '{"a":"\\"}'])('%j is no JSON', (text) => {
  expect(refusalOf(text)).toEqual(['request_invalid', 'the body is not JSON']);
});
