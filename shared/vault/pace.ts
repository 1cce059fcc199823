import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../deadline.ts';

/**
 * Spreads requests evenly: each waits for its turn, or for its deadline.
 *
 * @param perSecond `undefined`: no waiting.
 * @returns a function that resolves with whether its caller's turn came before the deadline.
 */
export function createPace(perSecond: number | undefined): (deadline: Deadline) => Promise<boolean> {
  if (perSecond === undefined) return async () => true;
  let next = 0;
  return async (deadline) => {
    const now = performance.now();
    const turn = Math.max(now, next);
    // One that would come too late takes nobody's turn.
    if (turn - now >= deadline.remainingMs()) return false;
    next = turn + 1_000 / perSecond;
    if (turn > now) await sleep(turn - now, undefined, { signal: deadline.signal }).catch(() => {});
    return !deadline.signal.aborted;
  };
}
