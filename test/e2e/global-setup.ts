import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildFunctions } from '../stack/build.ts';
import { type Stack, startStack } from '../stack/index.ts';
import { stackRoot } from '../stack/paths.ts';
import { expectNoSecretOfTheRun } from './support/secrets-of-the-run.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the data of the stacks is: one for each of the workers, which run their files one after the other. */
    stackFolders: readonly string[];
  }
}

const start = (folder: string): Promise<Stack> =>
  startStack({ folder, build: false, vault: { inTheClear: true } });

async function end(stack: Stack): Promise<void> {
  try {
    const { secrets, places } = await expectNoSecretOfTheRun(stack);
    console.log(`none of ${secrets} secrets of this run stands in any of ${places} logs, metrics or events`);
  } finally {
    await stack.stop();
    await rm(stack.description.folder, { recursive: true, force: true });
  }
}

/** Builds the bundles and starts the stacks that all files share; the returned call ends them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { maxWorkers } = project.config;
  const folders = Array.from({ length: Number(maxWorkers) }, (_, index) =>
    join(stackRoot, `e2e-${process.pid}-${index + 1}`),
  );
  await buildFunctions(() => {});
  const stacks = await Promise.all(folders.map(start));
  project.provide('stackFolders', folders);
  return async () => {
    for (const stack of stacks) await end(stack);
  };
}
