import { isUnreadable } from '../../shared/grants/records.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { SweepReport } from './report.ts';

/**
 * Runs a step that may fail without ending the sweep: returns its result, or `undefined` once the failure is counted
 * and logged.
 */
export interface Attempt {
  <T>(what: string, step: Promise<T>, names?: Parameters<Logger['error']>[2]): Promise<T | undefined>;
  /** Logs, in one line for each reason, how many more failures it had: the first one was logged at once. */
  tellRepeated(): void;
}

type Names = Parameters<Logger['error']>[2];

/** Failures with the reason of an earlier one. */
interface Repeated {
  readonly what: string;
  readonly error: unknown;
  more: number;
  /** The first of their grants. */
  readonly uuids: string[];
}

const MOST_NAMED = 5;
const namesOf = (uuids: readonly string[]): Names =>
  uuids.length > 0 ? { uuid: uuids.join(',') } : undefined;

export function createAttempt(report: SweepReport, log: Pick<Logger, 'error'>): Attempt {
  const reasons = new Map<string, Repeated>();
  const tell = (what: string, error: unknown, names?: Names) => {
    const reason = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    const known = reasons.get(reason);
    if (!known) {
      reasons.set(reason, { what, error, more: 0, uuids: [] });
      log.error(what, error, names);
      return;
    }
    known.more += 1;
    const uuid = names?.['uuid'];
    if (typeof uuid === 'string' && known.uuids.length < MOST_NAMED) known.uuids.push(uuid);
  };
  async function attempt<T>(what: string, step: Promise<T>, names?: Names): Promise<T | undefined> {
    try {
      return await step;
    } catch (error) {
      // One unreadable record says nothing about the others: it does not fail the sweep.
      report[isUnreadable(error) ? 'unreadable' : 'failed'] += 1;
      tell(what, error, names);
      return undefined;
    }
  }
  const tellRepeated = () => {
    for (const { what, error, more, uuids } of reasons.values())
      if (more > 0) log.error(`${what}: ${more} more times for the same reason`, error, namesOf(uuids));
    reasons.clear();
  };
  return Object.assign(attempt, { tellRepeated });
}
