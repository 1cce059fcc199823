/** A stack of a test file's own, where the one that all share will not do. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type StackOptions, startStack } from '../../stack/index.ts';
import { stackRoot } from '../../stack/paths.ts';

/** Ends with the test file. */
export async function startSecondStack(options: Pick<StackOptions, 'vault'>) {
  const folder = join(stackRoot, `e2e-second-${process.pid}`);
  // The bundles are those of the global set-up.
  const stack = await startStack({ ...options, folder, build: false });
  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return stack;
}
