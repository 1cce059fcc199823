/**
 * Work on many grants, a few at a time. Grants whose database may hang together share a lane: a database that does not
 * answer holds up its own grants only, and after a few of them the others of its lane are left to the next sweep.
 */
import pLimit from 'p-limit';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { Attempt } from './attempt.ts';

interface Items<T> {
  /** What the log calls the item by. */
  readonly name: (item: T) => Parameters<Logger['error']>[2];
  /** What may hang together; absent: nothing does. */
  readonly lane?: (item: T) => string;
  /** Takes a failure in the place of the sweep's own count. */
  readonly onFailure?: (item: T, thrown: unknown) => Promise<void>;
  /** Counts items of a lane that are left to the next sweep. */
  readonly onLeft?: (items: number) => void;
}

/** Resolves when all tasks have ended; none begins after the deadline, and a failure stops no other task. */
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
  /** How long an item takes that tells of a database which does not answer. */
  readonly slowMs?: number;
}

const CONCURRENCY = 16;
const A_LANE = 4;
// As many as a lane runs at once, less one: a single slow one says nothing of the others.
const SLOW_ONES = 3;

export function createForEach(options: ForEachOptions): ForEach {
  const { deadline, attempt, log, itemWithinMs = 15_000, slowMs = 4_000 } = options;

  return async (items, task, { name, lane = () => '', onFailure, onLeft }) => {
    const everywhere = pLimit(CONCURRENCY);
    const lanes = new Map<string, Lane>();
    const laneOf = (key: string) => {
      const known = lanes.get(key) ?? { limit: pLimit(key === '' ? CONCURRENCY : A_LANE), slow: 0, left: 0 };
      lanes.set(key, known);
      return known;
    };

    async function run<T>(item: T, own: Lane, work: (item: T, work: Work) => Promise<void>): Promise<void> {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      const startedAt = monotonicClock();
      const patience = deadlineIn(itemWithinMs, monotonicClock, deadline.signal);
      try {
        await work(item, { deadline: patience, vaultCalls: 0 });
      } finally {
        patience.release();
        if (monotonicClock() - startedAt >= slowMs) own.slow += 1;
      }
    }

    await Promise.all(
      Array.from(items, (item) => {
        const key = lane(item);
        const own = laneOf(key);
        return own.limit(() => {
          if (key !== '' && own.slow >= SLOW_ONES) {
            own.left += 1;
            return undefined;
          }
          return everywhere(() => {
            const running = run(item, own, task);
            const met = onFailure ? running.catch((thrown) => onFailure(item, thrown)) : running;
            return attempt('a grant could not be seen to', met, name(item));
          });
        });
      }),
    );
    for (const [key, { left }] of lanes) {
      if (left === 0) continue;
      onLeft?.(left);
      log.warn(`${left} grants of ${key} are left to the next sweep: their database does not answer`);
    }
  };
}

interface Lane {
  readonly limit: ReturnType<typeof pLimit>;
  slow: number;
  left: number;
}
