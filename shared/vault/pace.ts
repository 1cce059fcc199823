import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../deadline.ts';

/**
 * Rate limit: each request waits for its turn, or for its deadline.
 *
 * @param perSecond `undefined`: no limit.
 * @returns a function that resolves with whether the turn came before the deadline.
 */
export function createPace(perSecond: number | undefined): (deadline: Deadline) => Promise<boolean> {
  if (perSecond === undefined) return async () => true;
  let next = 0;
  return async (deadline) => {
    const now = performance.now();
    const turn = Math.max(now, next);
    // A request whose turn would come too late takes none.
    if (turn - now >= deadline.remainingMs()) return false;
    next = turn + 1_000 / perSecond;
    if (turn > now) await sleep(turn - now, undefined, { signal: deadline.signal }).catch(() => {});
    return !deadline.signal.aborted;
  };
}
