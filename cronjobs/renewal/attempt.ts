import { isUnreadable } from '../../shared/grants/records.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { SweepReport } from './report.ts';

/**
 * Runs a step that may fail without ending the sweep: returns its result, or `undefined` once the failure is counted
 * and logged.
 */
export type Attempt = <T>(
  what: string,
  step: Promise<T>,
  names?: Parameters<Logger['error']>[2],
) => Promise<T | undefined>;

export function createAttempt(report: SweepReport, log: Pick<Logger, 'error'>): Attempt {
  return async (what, step, names) => {
    try {
      return await step;
    } catch (error) {
      // One unreadable record says nothing about the others: it does not fail the sweep.
      report[isUnreadable(error) ? 'unreadable' : 'failed'] += 1;
      log.error(what, error, names);
      return undefined;
    }
  };
}
