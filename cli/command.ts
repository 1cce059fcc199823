import type { Terminal } from './terminal.ts';

export interface Command {
  readonly usage: string;
  /** @returns the exit code. */
  run(args: readonly string[], environment: NodeJS.ProcessEnv, terminal: Terminal): Promise<number>;
}
