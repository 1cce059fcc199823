import type { IncomingMessage } from 'node:http';
import type { Clock } from '../deadline.ts';

const arrivals = new WeakMap<IncomingMessage, number>();

/**
 * Notes when a request came. Requests seen in one turn of the event loop all count from the first of them: the last
 * one has waited for the work of all others.
 */
export function createArrivals(clock: Clock): (request: IncomingMessage) => void {
  let turnBeganAt: number | undefined;
  return (request) => {
    if (turnBeganAt === undefined) {
      turnBeganAt = clock();
      setImmediate(() => {
        turnBeganAt = undefined;
      });
    }
    arrivals.set(request, turnBeganAt);
  };
}

/** When the server had read the head of the request, but not yet its body, by the server's clock. */
export function arrivalOf(request: IncomingMessage, clock: Clock): number {
  return arrivals.get(request) ?? clock();
}
