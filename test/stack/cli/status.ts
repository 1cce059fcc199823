import { readDescription } from '../description.ts';
import { stackFiles } from '../paths.ts';
import { isAlive } from '../process/identity.ts';
import { holderOf } from '../process/lock.ts';

const notUp = 3;

/** Shows each part. 0 if all of them run, 3 if not. */
export const status = async (folder: string | undefined): Promise<number> => {
  const files = stackFiles(folder);
  const holder = await holderOf(files.lock);
  const description = await readDescription(files.data);
  if (holder === undefined || description === undefined) {
    const state = holder === undefined ? 'not running' : `being started by process ${holder.pid}`;
    console.log(`the stack is ${state}`);
    return notUp;
  }
  console.log(`${'stack'.padEnd(16)}${String(holder.pid).padStart(8)}  source ${files.environment}`);
  let allRun = true;
  for (const part of description.parts) {
    const runs = isAlive(part);
    allRun &&= runs || part.scalesToZero;
    const away = part.scalesToZero
      ? 'scaled to zero: the next request starts it'
      : `gone: see ${part.logFile}`;
    const where = runs ? part.address : away;
    console.log(`${part.name.padEnd(16)}${String(part.pid).padStart(8)}  ${where}`);
  }
  return allRun ? 0 : notUp;
};
