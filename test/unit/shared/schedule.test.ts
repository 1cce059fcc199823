import { describe, expect, test } from 'vitest';
import { intervalOf } from '../../../shared/schedule.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
// A Thursday, just before noon.
const now = new Date('2026-01-01T11:58:30Z');
const read = (sweepSchedule: string | undefined, syncIntervalSeconds: number, at = now) =>
  intervalOf({ sweepSchedule, syncIntervalSeconds }, at);

describe('a schedule and an interval that agree', () => {
  test.each([
    ['*/5 * * * *', 300],
    ['*/5 * * * *', 600],
    ['* * * * *', 60],
    ['0-59/2 * * * *', 120],
    ['2,7,12,17,22,27,32,37,42,47,52,57 * * * *', 300],
    ['0 * * * *', HOUR],
    ['@hourly', HOUR],
    ['0,30 */2 * * *', 1.5 * HOUR],
    ['0 3 * * *', DAY],
    ['0 3 * * SUN', 7 * DAY],
    ['0 0 1 JAN *', 366 * DAY],
    ['  */5   * * * * ', 300],
  ])('"%s" and %d s', async (schedule, seconds) => {
    expect(await read(schedule, seconds)).toEqual({ seconds, fault: undefined });
  });
});

describe('a schedule whose sweeps are rarer than the interval says: the longest time between two of them counts', () => {
  test.each([
    ['every five minutes', '*/5 * * * *', 240, 300],
    ['hourly', '0 * * * *', 300, HOUR],
    ['steps that do not divide the hour', '*/25 * * * *', 1_200, 1_500],
    ['steps that do not divide the day', '0 */7 * * *', 6 * HOUR, 7 * HOUR],
    ['a list', '0,20,50 * * * *', 1_200, 1_800],
    ['nights off', '*/5 6-22 * * *', 300, 7 * HOUR + 300],
    ['weekends off, by names', '0 * * * MON-FRI', HOUR, 2 * DAY + HOUR],
    ['a month off, by names', '0 0 * JAN-NOV *', DAY, 32 * DAY],
    ['the last of the month off', '*/5 * 1-30 * *', 300, DAY + 300],
  ])('%s', async (_, schedule, configured, seconds) => {
    expect(await read(schedule, configured)).toEqual({
      seconds,
      fault: `the CronJob's schedule "${schedule}" lets ${seconds} s pass between two sweeps, and syncTTLSecond is ${configured}: make them agree`,
    });
  });

  test.each(['00:00', '06:00', '12:34', '22:55', '23:59'])(
    'at whatever time it is asked: %s',
    async (time) => {
      const asked = new Date(`2026-03-29T${time}:00Z`);
      expect((await read('*/5 6-22 * * *', 300, asked)).seconds).toBe(7 * HOUR + 300);
      expect(await read('*/5 * * * *', 300, asked)).toEqual({ seconds: 300, fault: undefined });
    },
  );
});

describe('what is no schedule says nothing of the interval', () => {
  test.each([
    'every five minutes',
    '',
    '* * * *',
    '*/5 * * * * *',
    '61 * * * *',
    '* 24 * * *',
    '* * * FOO *',
    '@sometimes',
    'set by kustomization.yaml',
    // Never.
    '0 0 30 2 *',
  ])('"%s"', async (schedule) => {
    expect(await read(schedule, 300)).toEqual({
      seconds: 300,
      fault: `sweepSchedule: "${schedule}" cannot be read as a schedule of five fields`,
    });
  });
});

test('without a schedule the interval is what is configured', async () => {
  expect(await read(undefined, 300)).toEqual({ seconds: 300, fault: undefined });
});
