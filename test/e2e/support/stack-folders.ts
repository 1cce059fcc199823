/** Where a stack of the global set-up is, and whether it is up: it starts in another process, while files wait for it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readDescription } from '../../stack/description.ts';

const WITHIN_MS = 180_000;

/** Holds why a stack did not start. */
export const failureFile = (folder: string): string => `${folder}.failed`;

/** Resolves once the stack is up. @throws Error that says why it does not come up. */
export async function whenUp(folder: string): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  while ((await readDescription(folder)) === undefined) {
    const failure = await readFile(failureFile(folder), 'utf8').catch(() => undefined);
    if (failure !== undefined) throw new Error(`this worker's stack did not start: ${failure}`);
    if (performance.now() > end)
      throw new Error(`this worker's stack in ${folder} was not up within ${WITHIN_MS / 1_000} s`);
    await sleep(100);
  }
}
