/** Milliseconds that only ever grow; passed in so that tests control the time. */
export type Clock = () => number;

export const monotonicClock: Clock = () => process.uptime() * 1_000;

/**
 * The moment when work must stop, and the signal that aborts what is still running then. `using` stops its timer once
 * the work is done: Node's own timeout signals stay until they fire, by the thousand.
 */
export interface Deadline extends Disposable {
  remainingMs(): number;
  readonly signal: AbortSignal;
}

/** A deadline `durationMs` from now. It also ends with `parent`, for example when the caller hangs up. */
export function deadlineIn(durationMs: number, clock: Clock, parent?: AbortSignal): Deadline {
  const endsAt = clock() + durationMs;
  const controller = new AbortController();
  const expire = () => controller.abort(new Error('the deadline is over'));
  const follow = () => controller.abort(parent?.reason);
  const timer = setTimeout(expire, Math.max(0, durationMs)).unref();
  if (parent?.aborted) follow();
  else parent?.addEventListener('abort', follow, { once: true });
  return {
    remainingMs: () => (controller.signal.aborted ? 0 : endsAt - clock()),
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent?.removeEventListener('abort', follow);
    },
  };
}

/**
 * The promise's outcome, or an error once the deadline is over.
 *
 * @param late makes the error from the deadline's reason; it names the system that did not answer.
 */
export function within<T>(
  deadline: Deadline,
  promise: Promise<T>,
  late: (cause: unknown) => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = () => reject(late(deadline.signal.reason));
    if (deadline.signal.aborted) expire();
    else deadline.signal.addEventListener('abort', expire, { once: true });
    // The caller already has its error after the deadline: a late outcome changes nothing.
    promise.then(resolve, reject).finally(() => deadline.signal.removeEventListener('abort', expire));
  });
}
