import { join } from 'node:path';
import { run } from './install/run.ts';
import { nodeProgram, projectRoot, stackRoot } from './paths.ts';
import { withLock } from './process/lock.ts';
import type { Report } from './progress.ts';
import { makeOnce } from './stamp.ts';

const bundles = {
  folder: projectRoot,
  inputs: ['{cli,cronjobs,functions,init,shared}/**/*.*', '*.{ts,json}'],
  outputs: 'dist/*',
};

/** Bundles the functions into dist/, as `npm run build` does, unless they are there. */
export const buildFunctions = async (report: Report): Promise<void> => {
  const build = () =>
    makeOnce(bundles, join(stackRoot, 'build.stamp'), () =>
      run({ command: nodeProgram, args: ['build.ts'], cwd: projectRoot }),
    );
  await withLock(join(stackRoot, 'build.lock'), build, () => report('waiting for another build to end'));
};
