import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from './deadline.ts';

interface RetryOptions {
  readonly deadline: Deadline;
  /**
   * Milliseconds to wait after a failure; `undefined`: no further attempt.
   *
   * @param attempts made so far.
   */
  readonly delayAfter: (failure: unknown, attempts: number) => number | undefined;
}

/**
 * Repeats an attempt until it succeeds.
 *
 * @throws the last failure, as soon as it is permanent or the deadline leaves no time for another attempt.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { deadline, delayAfter }: RetryOptions,
): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (failure) {
      const delay = delayAfter(failure, attempts);
      if (delay === undefined || delay >= deadline.remainingMs()) throw failure;
      await sleep(delay, undefined, { signal: deadline.signal }).catch(() => {
        throw failure;
      });
    }
  }
}
