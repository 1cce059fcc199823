import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../deadline.ts';

/**
 * Spreads requests evenly: each waits for its turn, or for its deadline.
 *
 * @param perSecond `undefined`: no waiting.
 */
export function createPace(perSecond: number | undefined): (deadline: Deadline) => Promise<void> {
  if (perSecond === undefined) return async () => {};
  let next = 0;
  return async ({ signal }) => {
    const now = performance.now();
    const turn = Math.max(now, next);
    next = turn + 1_000 / perSecond;
    // A deadline that ends the wait ends the request too.
    if (turn > now) await sleep(turn - now, undefined, { signal }).catch(() => {});
  };
}
