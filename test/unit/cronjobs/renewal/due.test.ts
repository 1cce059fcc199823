import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dueAt, noticeAt } from '../../../../cronjobs/renewal/due.ts';

const HOUR = 3_600;
const INTERVAL = 300;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** An interval, and a life that lasts for at least five of them. */
const keepable = fc
  .tuple(fc.integer({ min: 1, max: 3_600 }), fc.double({ min: 5, max: 5_000, noNaN: true }))
  .map(([interval, intervals]) => ({ interval, life: interval * intervals }));

/** Seconds after its renewal at which the first sweep finds it due, if sweeps begin `phase` after it and go on. */
function foundDueAfter(life: number, interval: number, phase: number, chance: number): number {
  const due = dueAt(0, life, interval, chance) / 1_000;
  let sweep = phase;
  while (sweep < due) sweep += interval;
  return sweep;
}

describe('a grant', () => {
  test('that is renewed at any sweep and then missed by three in a row never ends', () => {
    fc.assert(
      fc.property(keepable, random, random, ({ interval, life }, phase, chance) => {
        const first = foundDueAfter(life, interval, phase * interval, chance);
        // The sweep that would find it and the two after it fail; the fourth renews.
        expect(first + 3 * interval).toBeLessThan(life + interval * 1e-6);
      }),
    );
  });

  test('is not renewed before half of its life is over, nor after three quarters', () => {
    fc.assert(
      fc.property(keepable, random, ({ interval, life }, chance) => {
        const age = dueAt(0, life, interval, chance) / 1_000;
        const inHand = life - 4.2 * interval;
        expect(age).toBeGreaterThanOrEqual(Math.min(life / 2, inHand) - 1e-6);
        expect(age).toBeLessThanOrEqual(life * 0.75 + 1e-6);
      }),
    );
  });

  test('whose life is too short to ever wait is due at once', () => {
    for (const life of [1, INTERVAL, 4 * INTERVAL])
      expect(dueAt(0, life, INTERVAL, 0.99)).toBeLessThanOrEqual(0);
  });
});

describe('grants that were renewed together', () => {
  test('come due over several sweeps, where their life leaves room for it', () => {
    const sweeps = Array.from({ length: 100 }, (_, index) =>
      foundDueAfter(2 * HOUR, INTERVAL, INTERVAL, index / 100),
    );
    expect(new Set(sweeps).size).toBeGreaterThanOrEqual(5);
    for (const sweep of sweeps)
      expect(sweeps.filter((other) => other === sweep).length).toBeLessThanOrEqual(25);
  });
});

describe('people are told that a lease will end for good', () => {
  test.each([
    ['a day ahead, of a long one', 10 * 24, 9 * 24],
    ['at half of its life, of a short one', 2, 1],
    ['at half of a day, of one that lasts a day', 24, 12],
    ['when two days and a day ahead are the same', 48, 24],
  ])('%s', (_, lifeHours, noticeHours) => {
    const issuedAt = 1_700_000_000_000;
    const hours = (count: number) => issuedAt + count * HOUR * 1_000;
    expect(noticeAt(issuedAt, hours(lifeHours))).toBe(hours(noticeHours));
  });
});
