/** The signals that end a process, handled from the first line of its `main`: before it logs in or listens. */

export interface Termination {
  /** Resolves with the first signal. */
  readonly requested: Promise<NodeJS.Signals>;
  /** Aborted with the first signal. */
  readonly signal: AbortSignal;
  /** Removes the handlers: the next signal ends the process at once. */
  stopListening(): void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * The first signal is handled; a second one of the same name ends the process at once, as Node does without a
 * handler.
 */
export function listenForTermination(): Termination {
  const { promise: requested, resolve } = Promise.withResolvers<NodeJS.Signals>();
  const controller = new AbortController();
  const hear = (name: NodeJS.Signals) => {
    controller.abort(new Error(`the process was told to end (${name})`));
    resolve(name);
  };
  for (const name of SIGNALS) process.once(name, hear);
  return {
    requested,
    signal: controller.signal,
    stopListening: () => {
      for (const name of SIGNALS) process.off(name, hear);
    },
  };
}
