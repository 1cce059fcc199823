import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildFunctions } from '../stack/build.ts';
import { type Stack, startStack } from '../stack/index.ts';
import { stackRoot } from '../stack/paths.ts';
import { replaceFile } from '../stack/replace-file.ts';
import { expectNoSecretOfTheRun } from './support/secrets-of-the-run.ts';
import { failureFile } from './support/stack-folders.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the data of the stacks is: one for each of the workers, which run their files one after the other. */
    stackFolders: readonly string[];
  }
}

/** What keeps it from starting is told to the files that wait for it. */
async function start(folder: string): Promise<Stack> {
  try {
    return await startStack({ folder, build: false, vault: { inTheClear: true } });
  } catch (error) {
    await replaceFile(failureFile(folder), String(error));
    throw error;
  }
}

async function end(starting: Promise<Stack>, folder: string): Promise<void> {
  try {
    const stack = await starting;
    try {
      const { secrets, places } = await expectNoSecretOfTheRun(stack);
      console.log(
        `none of ${secrets} secrets of this run stands in any of ${places} logs, metrics or events`,
      );
    } finally {
      await stack.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(failureFile(folder), { force: true });
  }
}

/**
 * Builds the bundles and begins to start the stacks that all files share, while the unit tests run; a file waits for its own
 * (support/stack.ts). The returned call ends them.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { maxWorkers } = project.config;
  const folders = Array.from({ length: Number(maxWorkers) }, (_, index) =>
    join(stackRoot, `e2e-${process.pid}-${index + 1}`),
  );
  await buildFunctions(() => {});
  const stacks = folders.map((folder) => ({ folder, starting: start(folder) }));
  // A failure is told when the run ends.
  for (const { starting } of stacks) starting.catch(() => {});
  project.provide('stackFolders', folders);
  return async () => {
    const ends = await Promise.allSettled(stacks.map(({ starting, folder }) => end(starting, folder)));
    const failures = ends.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
  };
}
