/**
 * A bulkhead and a circuit breaker for each database role: revoking a lease waits for the database, and an
 * unresponsive database must not take the connections, the time and the queue positions of all others.
 */
import type { Clock } from '../deadline.ts';

/** Why a task was not tried: `late` if the database has not answered lately; `full` if many tasks already wait for it. */
type NotTried = 'late' | 'full';

export interface LeaseLanes {
  /**
   * @param folder of the lease: `<mount>/creds/<role>`.
   * @param task resolves with whether the database answered, and its result.
   * @returns the result, or why the task was not run.
   */
  run<T>(
    folder: string,
    task: () => Promise<{ readonly late: boolean; readonly result: T }>,
  ): Promise<Ran<T>>;
}

type Ran<T> = { readonly result: T } | { readonly notTried: NotTried };

export interface LaneLimits {
  readonly atOnce: number;
  /** How long a task waits for its turn. */
  readonly waitMs: number;
  /** How long an unresponsive database is left alone before one task checks whether it answers again. */
  readonly restMs: number;
}

const LIMITS: LaneLimits = { atOnce: 8, waitMs: 1_000, restMs: 30_000 };

interface Lane {
  running: number;
  /** Absent while the database answers. */
  triedAgainAt: number | undefined;
  readonly waiting: Set<(turn: NotTried | undefined) => void>;
}

export function createLeaseLanes(clock: Clock, limits: LaneLimits = LIMITS): LeaseLanes {
  const lanes = new Map<string, Lane>();

  function laneOf(folder: string): Lane {
    const lane = lanes.get(folder) ?? { running: 0, triedAgainAt: undefined, waiting: new Set() };
    lanes.set(folder, lane);
    return lane;
  }

  /** Resolves with `undefined` when it is this task's turn. */
  async function turnIn(lane: Lane): Promise<NotTried | undefined> {
    if (lane.triedAgainAt !== undefined) {
      if (clock() < lane.triedAgainAt) return 'late';
      lane.triedAgainAt = clock() + limits.restMs;
      lane.running += 1;
      return undefined;
    }
    if (lane.running < limits.atOnce) {
      lane.running += 1;
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<NotTried | undefined>();
    lane.waiting.add(resolve);
    const giveUp = () => {
      lane.waiting.delete(resolve);
      resolve('full');
    };
    const timer = setTimeout(giveUp, limits.waitMs).unref();
    return promise.finally(() => clearTimeout(timer));
  }

  function end(folder: string, lane: Lane, late: boolean): void {
    lane.triedAgainAt = late ? clock() + limits.restMs : undefined;
    if (late) {
      for (const decline of lane.waiting) decline('late');
      lane.waiting.clear();
    }
    const [next] = lane.waiting;
    if (next) {
      // Passes the turn to the next task.
      lane.waiting.delete(next);
      next(undefined);
    } else {
      lane.running -= 1;
    }
    if (lane.running === 0 && !late) lanes.delete(folder);
  }

  return {
    async run(folder, task) {
      const lane = laneOf(folder);
      const notTried = await turnIn(lane);
      if (notTried) return { notTried };
      let late = false;
      try {
        const done = await task();
        late = done.late;
        return { result: done.result };
      } finally {
        end(folder, lane, late);
      }
    },
  };
}
