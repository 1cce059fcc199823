import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { budgetFor, LEAST_WORK_MS } from '../../../../functions/admission/deadline.ts';

describe('the time that the API server leaves', () => {
  test.each([
    ['5s', { workMs: 3_950, answerMs: 4_950 }],
    ['10s', { workMs: 8_950, answerMs: 9_950 }],
    ['15s', { workMs: 8_950, answerMs: 9_950 }],
    ['30s', { workMs: 23_950, answerMs: 24_950 }],
    ['1s', { workMs: 750, answerMs: 950 }],
    ['100ms', { workMs: 30, answerMs: 50 }],
    ['0s', { workMs: -50, answerMs: -50 }],
    ['nothing said', { workMs: 8_950, answerMs: 9_950 }],
    ['5', { workMs: 8_950, answerMs: 9_950 }],
    ['1h', { workMs: 23_950, answerMs: 24_950 }],
  ])('%s', (timeout, budget) => expect(budgetFor(timeout)).toEqual(budget));

  test('that is not said at all', () => expect(budgetFor(null)).toEqual(budgetFor('10s')));

  test('is always enough to answer in, with a part of it kept for undoing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 30_000 }), (milliseconds) => {
        const { workMs, answerMs } = budgetFor(`${milliseconds}ms`);
        expect(answerMs).toBeLessThan(milliseconds);
        expect(workMs).toBeLessThan(answerMs);
        expect(workMs > LEAST_WORK_MS).toBe(milliseconds > 312);
      }),
    );
  });
});
