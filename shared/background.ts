/** Work that continues after its request was answered, tracked so that the process does not exit before it is done. */
export interface Background {
  /** Takes a promise that reports its own failure; a rejection that reaches this point is passed to `onFailure`. */
  add(work: Promise<void>): void;
  /** Resolves when no work is left or the time is over. */
  settled(withinMs: number): Promise<void>;
}

export function createBackground(onFailure: (thrown: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  return {
    add(work) {
      const tracked = work.catch(onFailure).finally(() => running.delete(tracked));
      running.add(tracked);
    },
    async settled(withinMs) {
      const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
      const timer = setTimeout(giveUp, withinMs);
      const all = async () => {
        while (running.size > 0) await Promise.all(running);
      };
      await Promise.race([all(), late]);
      clearTimeout(timer);
    },
  };
}
