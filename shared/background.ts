/** Work that goes on after its request was answered, so that a process knows what it must not end before. */
export interface Background {
  /** Takes a promise that reports its own failure; a rejection that reaches this point is passed to `onFailure`. */
  add(work: Promise<void>): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export function createBackground(onFailure: (thrown: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  return {
    add(work) {
      const tracked = work.catch(onFailure).finally(() => running.delete(tracked));
      running.add(tracked);
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
