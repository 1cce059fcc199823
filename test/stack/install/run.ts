import { execa } from 'execa';
import { guard } from '../process/guard.ts';
import type { Report } from '../progress.ts';

export type Command = {
  command: string;
  args: readonly string[];
  cwd?: string;
  onLine?: (line: string) => void;
};

/**
 * Runs a command to its end. In a group of its own that is guarded, so that the compilers that `go build` starts end
 * with the stack as well.
 */
export const run = async ({ command, args, cwd, onLine }: Command): Promise<string> => {
  const child = execa(command, args, { ...(cwd === undefined ? {} : { cwd }), detached: true, all: true });
  const release = child.pid === undefined ? () => {} : guard(child.pid, 'SIGTERM');
  if (onLine !== undefined) {
    void (async () => {
      for await (const line of child.iterable({ from: 'all' })) onLine(line);
    })().catch(() => {});
  }
  try {
    return (await child).stdout;
  } catch (error) {
    throw new Error(await explain(command, error), { cause: error });
  } finally {
    release();
  }
};

const explain = async (command: string, error: unknown): Promise<string> => {
  if (!(error instanceof Error)) return `${command} failed`;
  if ('code' in error && error.code === 'ENOENT') return `${command} is not on PATH, and the stack needs it`;
  const output = 'all' in error && typeof error.all === 'string' ? error.all : error.message;
  return `${command} failed. The end of its output:\n${output.trimEnd().split('\n').slice(-20).join('\n')}`;
};

/** Reports what `detail` says now, and once a second again with the time that has passed. */
export const withClock = async <T>(report: Report, detail: () => string, work: Promise<T>): Promise<T> => {
  const start = performance.now();
  const tell = () => report(`${detail()}, ${Math.round((performance.now() - start) / 1000)} s`);
  tell();
  const timer = setInterval(tell, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
};
