import { describe, expect, test } from 'vitest';
import { createFindings, listed } from '../../../shared/findings.ts';

function toldOf(sentences: readonly string[]) {
  let made = 0;
  const told = createFindings();
  for (const sentence of sentences)
    told.add(() => {
      made += 1;
      return sentence;
    });
  return { sentences: told.sentences(), count: told.count, made };
}

describe('what a person is told', () => {
  test('is all of a few', () => {
    expect(toldOf(['a', 'b'])).toEqual({ sentences: ['a', 'b'], count: 2, made: 2 });
    expect(toldOf([])).toEqual({ sentences: [], count: 0, made: 0 });
  });

  test('is the first of many, and how many more there are; the others are not even made', () => {
    const { sentences, count, made } = toldOf(Array.from({ length: 1_000 }, (_, index) => `${index}`));
    expect(sentences).toEqual([...Array.from({ length: 20 }, (_, index) => `${index}`), '… and 980 more']);
    expect([count, made]).toEqual([1_000, 20]);
  });

  test('is fewer where they are long', () => {
    const { sentences } = toldOf(Array(30).fill('x'.repeat(1_000)));
    expect(sentences.at(-1)).toBe('… and 26 more');
  });
});

test('a list names the first ten', () => {
  expect(listed(['a', 'b'])).toBe('a, b');
  expect(listed(new Set(Array.from({ length: 12 }, (_, index) => `${index}`)))).toBe(
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more',
  );
  expect(listed(['x'.repeat(1_000)])).toHaveLength(63);
});
