import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'valibot';
import { readDescription } from '../description.ts';
import { nodeProgram, stackFiles } from '../paths.ts';
import { holderOf } from '../process/lock.ts';
import { until } from '../wait.ts';
import type { UpOptions } from './arguments.ts';
import { createDisplay, type Display } from './display.ts';
import { type SupervisorMessage, supervisorMessage } from './messages.ts';
import { supervise } from './supervise.ts';

type Ending = Exclude<SupervisorMessage, { type: 'progress' }> | { type: 'interrupted' };

const spawnSupervisor = (args: readonly string[], logFile: string): ChildProcess => {
  mkdirSync(dirname(logFile), { recursive: true });
  const program = fileURLToPath(new URL('./supervisor.ts', import.meta.url));
  const log = openSync(logFile, 'w', 0o600);
  try {
    return spawn(nodeProgram, [program, ...args], {
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
  } finally {
    closeSync(log);
  }
};

/** Follows the start in the background to its end. An interrupt here ends it there. */
const follow = (supervisor: ChildProcess, display: Display, logFile: string): Promise<Ending> =>
  new Promise((resolve) => {
    let reason = `the stack's process ended early, see ${logFile}`;
    let interrupted = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] satisfies NodeJS.Signals[]) {
      process.on(signal, () => {
        interrupted = true;
        if (supervisor.connected) supervisor.disconnect();
      });
    }
    supervisor.on('message', (content) => {
      const message = parse(supervisorMessage, content);
      if (message.type === 'progress') display.onProgress(message.event);
      // It has yet to clean up: a failed start is over when its process is.
      else if (message.type === 'failed') reason = message.reason;
      else resolve(message);
    });
    supervisor.once('exit', () =>
      resolve(interrupted ? { type: 'interrupted' } : { type: 'failed', reason }),
    );
  });

/** Another `up` may be under way: it is as good as this one. */
const waitForOther = async (folder: string | undefined): Promise<number> => {
  const { lock, environment, data } = stackFiles(folder);
  const holder = await holderOf(lock);
  const isUp = async () => (await readDescription(data)) !== undefined;
  if (!(await isUp())) console.log(`the stack is being started by process ${holder?.pid} already`);
  await until('the other start has ended', async () => (await isUp()) || !(await holderOf(lock)), 900_000);
  if ((await holderOf(lock)) === undefined) {
    console.error('the other start failed');
    return 1;
  }
  console.log(`the stack is up already (process ${holder?.pid}): source ${environment}`);
  return 0;
};

const sayReady = (start: number, environment: string): void => {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`the stack is up after ${seconds} s. Its addresses and keys: source ${environment}`);
};

/** Starts a stack in the background, and returns once it is ready. */
export const up = async (options: UpOptions, args: readonly string[]): Promise<number> => {
  const start = performance.now();
  const files = stackFiles(options.folder);
  if ((await holderOf(files.lock)) !== undefined) return waitForOther(options.folder);

  const supervisor = spawnSupervisor(args, files.log);
  const display = createDisplay();
  const ending = await follow(supervisor, display, files.log);
  await display.end(ending.type === 'ready' ? 'up' : 'failed');
  if (supervisor.connected) supervisor.disconnect();
  supervisor.unref();
  switch (ending.type) {
    case 'ready':
      sayReady(start, files.environment);
      return 0;
    case 'taken':
      return waitForOther(options.folder);
    case 'failed':
      console.error(`the stack did not come up: ${ending.reason}`);
      return 1;
    case 'interrupted':
      console.error('interrupted: the start was ended');
      return 130;
  }
};

/** Runs a stack in this very process until Ctrl-C or the end of the terminal. */
export const upInForeground = async (options: UpOptions): Promise<number> => {
  const start = performance.now();
  const { environment } = stackFiles(options.folder);
  const display = createDisplay();
  try {
    const ran = await supervise({
      ...options,
      onProgress: display.onProgress,
      onReady: () => {
        void display.end('up').then(() => sayReady(start, environment));
      },
      onFault: (error) => console.error(error),
    });
    if (!ran) console.log('the stack is up already');
    return 0;
  } catch (error) {
    await display.end('failed');
    console.error(`the stack did not come up: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
};
