/** The CronJob's schedule and the configured interval: a lease is due depending on when the next sweep comes. */
import type { Cron, CronOptions } from 'croner';
import type { Config } from './config.ts';

// UTC, as a CronJob without a time zone is read.
const OPTIONS: CronOptions = { mode: '5-part', timezone: 'UTC' };
const DAY_SECONDS = 86_400;
// More runs than a year has, so that every gap of a week, month or year is seen.
const DAYS_LOOKED_AT = 370;

/**
 * The longest gap between two runs, in seconds. A schedule has the same times on all of its days, so one day's runs
 * and the gaps between days suffice. They include the nights, which the next few runs alone would not show.
 *
 * @param schedule five fields, as in a CronJob (UTC).
 * @throws Error if it cannot be parsed.
 */
async function longestGapSeconds(schedule: string, from: Date): Promise<number> {
  const { Cron } = await import('croner');
  const [minute, hour, ...days] = new Cron(schedule, OPTIONS).getPattern()?.trim().split(/\s+/) ?? [];
  if (days.length !== 3) throw new Error('expected five fields');
  const times = timesOfDay(new Cron(`${minute} ${hour} * * *`, OPTIONS));
  const dates = new Cron(`0 0 ${days.join(' ')}`, OPTIONS).nextRuns(DAYS_LOOKED_AT, from).map(secondsOf);
  const [first, last] = [times.at(0), times.at(-1)];
  if (first === undefined || last === undefined || dates.length === 0) throw new Error('it never runs');
  const overNight = gaps(dates).map((gap) => gap - last + first);
  return Math.max(...gaps(times), ...overNight);
}

/** Seconds since midnight. */
function timesOfDay(cron: Cron): number[] {
  const times: number[] = [];
  let run = cron.nextRun(new Date(-1_000));
  while (run && secondsOf(run) < DAY_SECONDS) {
    times.push(secondsOf(run));
    run = cron.nextRun(run);
  }
  return times;
}

const secondsOf = (date: Date) => date.getTime() / 1_000;

function gaps(moments: readonly number[]): number[] {
  return moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment));
}

export interface Interval {
  /**
   * The longer of the configured interval and the schedule's longest gap, so that leases are renewed in time even
   * then.
   */
  readonly seconds: number;
  /** The contradiction between the two, in words for a person. */
  readonly fault: string | undefined;
}

export async function intervalOf(
  { sweepSchedule, syncIntervalSeconds }: Pick<Config, 'sweepSchedule' | 'syncIntervalSeconds'>,
  now: Date,
): Promise<Interval> {
  if (sweepSchedule === undefined) return { seconds: syncIntervalSeconds, fault: undefined };
  try {
    const gap = await longestGapSeconds(sweepSchedule, now);
    if (gap <= syncIntervalSeconds) return { seconds: syncIntervalSeconds, fault: undefined };
    const fault = `the CronJob's schedule "${sweepSchedule}" lets ${gap} s pass between two sweeps, and syncTTLSecond is ${syncIntervalSeconds}: make them agree`;
    return { seconds: gap, fault };
  } catch {
    const fault = `sweepSchedule: "${sweepSchedule}" cannot be read as a schedule of five fields`;
    return { seconds: syncIntervalSeconds, fault };
  }
}
