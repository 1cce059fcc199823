import type { IncomingMessage } from 'node:http';
import type { Clock } from '../deadline.ts';

const arrivals = new WeakMap<IncomingMessage, number>();

/**
 * Notes when a request came. Those that are met in one turn of the event loop have come when the first of them did: the
 * last one has waited for the work of all others.
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

/** When the head of the request was read, its body not yet, by the clock of the server. */
export function arrivalOf(request: IncomingMessage, clock: Clock): number {
  return arrivals.get(request) ?? clock();
}
