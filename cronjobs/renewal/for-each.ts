/**
 * Work on many grants, a few at a time. Grants that depend on the same database share a lane: an unresponsive
 * database delays only its own grants, and after a few slow ones the rest of its lane is left to the next sweep.
 */
import pLimit from 'p-limit';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import { beginWork, type Work } from '../../shared/vault/requests.ts';
import type { Attempt } from './attempt.ts';

interface Items<T> {
  /** The item's fields in log lines. */
  readonly name: (item: T) => Parameters<Logger['error']>[2];
  /** The lane's key; absent: no lanes. */
  readonly lane?: (item: T) => string;
  /** Handles a failure instead of the sweep's own counting. */
  readonly onFailure?: (item: T, thrown: unknown) => Promise<void>;
  /** Counts items of a lane that are left to the next sweep. */
  readonly onLeft?: (items: number) => void;
}

/** Resolves when all tasks have ended; no task starts after the deadline, and a failure stops no other task. */
export type ForEach = <T>(
  items: Iterable<T>,
  task: (item: T, work: Work) => Promise<void>,
  how: Items<T>,
) => Promise<void>;

interface ForEachOptions {
  readonly deadline: Deadline;
  readonly attempt: Attempt;
  readonly log: Pick<Logger, 'warn'>;
  /** How long one item of a lane may take. */
  readonly itemWithinMs?: number;
  /** An item that takes this long points to an unresponsive database. */
  readonly slowMs?: number;
}

const CONCURRENCY = 16;
const A_LANE = 4;
// One less than a lane runs at once: a single slow item says nothing about the others.
const SLOW_ONES = 3;

export function createForEach(options: ForEachOptions): ForEach {
  const { deadline, attempt, log, itemWithinMs = 15_000, slowMs = 4_000 } = options;

  return async (items, task, { name, lane = () => '', onFailure, onLeft }) => {
    const everywhere = pLimit(CONCURRENCY);
    const lanes = new Map<string, ItemLane>();
    const laneOf = (key: string) => {
      const known = lanes.get(key) ?? { limit: pLimit(key === '' ? CONCURRENCY : A_LANE), slow: 0, left: 0 };
      lanes.set(key, known);
      return known;
    };

    async function run<T>(
      item: T,
      current: ItemLane,
      work: (item: T, work: Work) => Promise<void>,
    ): Promise<void> {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      const startedAt = monotonicClock();
      using patience = deadlineIn(itemWithinMs, monotonicClock, deadline.signal);
      try {
        await work(item, beginWork(patience));
      } finally {
        if (monotonicClock() - startedAt >= slowMs) current.slow += 1;
      }
    }

    await Promise.all(
      Array.from(items, (item) => {
        const key = lane(item);
        const current = laneOf(key);
        return current.limit(() => {
          if (key !== '' && current.slow >= SLOW_ONES) {
            current.left += 1;
            return undefined;
          }
          return everywhere(() => {
            const running = run(item, current, task);
            const met = onFailure ? running.catch((thrown) => onFailure(item, thrown)) : running;
            return attempt('a grant could not be processed', met, name(item));
          });
        });
      }),
    );
    attempt.tellRepeated();
    for (const [key, { left }] of lanes) {
      if (left === 0) continue;
      onLeft?.(left);
      log.warn(`${left} grants of ${key} are left to the next sweep: their database does not answer`);
    }
  };
}

interface ItemLane {
  readonly limit: ReturnType<typeof pLimit>;
  slow: number;
  left: number;
}
