import { join } from 'node:path';
import { run } from './install/run.ts';
import { nodeProgram, projectRoot, stackRoot } from './paths.ts';
import { withLock } from './process/lock.ts';
import type { Report } from './progress.ts';

/** Bundles the functions into dist/, as `npm run build` does. */
export const buildFunctions = async (report: Report): Promise<void> => {
  const build = () => run({ command: nodeProgram, args: ['build.ts'], cwd: projectRoot });
  await withLock(join(stackRoot, 'build.lock'), build, () => report('waiting for another build to end'));
};
