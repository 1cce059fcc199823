import { rm } from 'node:fs/promises';
import { readDescription } from '../description.ts';
import { stackFiles } from '../paths.ts';
import { isAlive } from '../process/identity.ts';
import { holderOf } from '../process/lock.ts';
import { until } from '../wait.ts';

/** Ends the stack, and returns when all of its processes are gone. */
export const down = async (folder: string | undefined): Promise<number> => {
  const start = performance.now();
  const files = stackFiles(folder);
  const holder = await holderOf(files.lock);
  const parts = (await readDescription(files.data))?.parts ?? [];
  if (holder !== undefined) process.kill(holder.pid, 'SIGTERM');
  // One whose process was killed is ended by its watchdog, which may be at it right now.
  const all = holder === undefined ? parts : [holder, ...parts];
  await until('all processes are gone', () => !all.some(isAlive), 40_000);
  await rm(files.environment, { force: true });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(holder === undefined ? 'the stack is not running' : `the stack is down after ${seconds} s`);
  return 0;
};
