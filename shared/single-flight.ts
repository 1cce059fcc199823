/** Work that concurrent callers share. */
export interface SingleFlight<T> {
  /** The outcome of the run with this key, if there is one at the moment; otherwise of the one that begins now. */
  run(start: () => Promise<T>, key?: string): Promise<T>;
  /** The run with this key, if there is one at the moment. */
  current(key?: string): Promise<T> | undefined;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const running = new Map<string, Promise<T>>();
  return {
    run(start, key = '') {
      const started = running.get(key) ?? start().finally(() => running.delete(key));
      running.set(key, started);
      return started;
    },
    current: (key = '') => running.get(key),
  };
}

/** Runs at the first call, and gives every caller its result. A run that failed is repeated by the next call. */
export function onceSuccessful<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= run().catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}

/** Runs at the first call, and gives every caller its outcome, a failure as well. */
export function once<T>(run: () => Promise<T>): () => Promise<T> {
  let outcome: Promise<T> | undefined;
  return () => {
    outcome ??= run();
    return outcome;
  };
}
