import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { letThrough } from '../folder.ts';
import { type Stack, startStack } from '../index.ts';
import { stackFiles } from '../paths.ts';
import { tryLock } from '../process/lock.ts';
import type { OnProgress } from '../progress.ts';
import { replaceFile } from '../replace-file.ts';
import type { UpOptions } from './arguments.ts';

/** Resolves when this process is asked to end, or when it cannot go on. */
const whenToEnd = (onFault: (error: unknown) => void): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] satisfies NodeJS.Signals[]) {
      process.on(signal, () => resolve());
    }
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      process.on(event, (error: unknown) => {
        onFault(error);
        resolve();
      });
    }
  });

const dotenv = (environment: Record<string, string>): string =>
  Object.entries(environment)
    // Single quotes: taken literally by shells as well as by dotenv's readers.
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');

export type SuperviseOptions = UpOptions & {
  onProgress: OnProgress;
  onReady: (stack: Stack) => void;
  onFault: (error: unknown) => void;
  /** Ends the stack, as a signal does. */
  signal?: AbortSignal;
};

/**
 * Runs a stack in this process until a signal ends it. Returns false, having done nothing, if one runs in this folder
 * already. Throws if it does not come up.
 */
export const supervise = async (options: SuperviseOptions): Promise<boolean> => {
  const { onProgress, onReady, onFault, tls, namespace } = options;
  const files = stackFiles(options.folder);
  const release = await tryLock(files.lock);
  if (release === undefined) return false;

  const ending = new AbortController();
  options.signal?.addEventListener('abort', () => ending.abort());
  void whenToEnd(onFault).then(() => ending.abort());
  const ended = new Promise((resolve) => ending.signal.addEventListener('abort', resolve));
  try {
    await letThrough(dirname(files.data));
    const vault = { tls, namespace };
    const stack = await startStack({ folder: files.data, onProgress, vault, signal: ending.signal });
    await replaceFile(files.environment, dotenv(stack.environment));
    onReady(stack);
    await ended;
    await stack.stop();
  } finally {
    await rm(files.environment, { force: true });
    await release();
  }
  return true;
};
