import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../../shared/duration.ts';

describe('a duration as Go writes it', () => {
  test.each([
    ['768h', 768 * 3_600_000],
    ['1h30m', 5_400_000],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['500ms', 500],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['1ns', 1e-6],
    ['0s', 0],
    ['2m3s4ms', 123_004],
  ])('%s', (text, milliseconds) => expect(parseDuration(text)).toBeCloseTo(milliseconds, 9));

  test.each([
    '',
    '5',
    's',
    '5 s',
    '-5s',
    '5s ',
    '5S',
    '5d',
    '1h30',
    '.5s',
    '5.s',
    '1e3s',
    '5s5',
    'NaN',
    '5s\n',
  ])('that is none: %j', (text) => expect(parseDuration(text)).toBeUndefined());
});
