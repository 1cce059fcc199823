/** Milliseconds that only ever grow; handed in so that tests decide what time it is. */
export type Clock = () => number;

export const monotonicClock: Clock = () => process.uptime() * 1_000;

/** The moment until which work may go on, and the signal that ends what is under way by then. */
export interface Deadline {
  remainingMs(): number;
  readonly signal: AbortSignal;
}

/** A deadline `durationMs` from now. It also ends when `parent` does, for example because the caller hung up. */
export function deadlineIn(durationMs: number, clock: Clock, parent?: AbortSignal): Deadline {
  const endsAt = clock() + durationMs;
  const timer = AbortSignal.timeout(Math.max(0, Math.floor(durationMs)));
  return {
    remainingMs: () => (parent?.aborted ? 0 : endsAt - clock()),
    signal: parent ? AbortSignal.any([timer, parent]) : timer,
  };
}
