import type { FunctionSettings } from './function.ts';
import { figuresIn, type JobOptions, type JobRun, runJob } from './job.ts';

export type SweepOptions = JobOptions;

/** One run of the renewal job. */
export type SweepRun = JobRun & {
  /** The figures of its last line; empty where it did not get so far. */
  report: Record<string, number | boolean>;
};

/** Runs the renewal job once, as its CronJob would. */
export const runSweep = async (settings: FunctionSettings, options: SweepOptions = {}): Promise<SweepRun> => {
  // The manifest's schedule belongs to the manifest's interval.
  const schedule = options.overrides?.['syncTTLSecond'] === undefined ? {} : { sweepSchedule: null };
  const overrides = { mode: 'renewer', ...schedule, ...options.overrides };
  const run = await runJob('renewal', settings, { ...options, overrides });
  return { ...run, report: figuresIn(run.log, 'sweep ended') };
};
