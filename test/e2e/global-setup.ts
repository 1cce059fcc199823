import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startStack } from '../stack/index.ts';
import { stackRoot } from '../stack/paths.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the data of the stack is that all end-to-end tests share. */
    stackFolder: string;
  }
}

/** Builds the bundles and starts one stack for all files; the returned call ends it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = join(stackRoot, `e2e-${process.pid}`);
  const stack = await startStack({ folder });
  project.provide('stackFolder', folder);
  return async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
