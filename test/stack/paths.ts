import { join } from 'node:path';

export const projectRoot = join(import.meta.dirname, '../..');

/** Everything the stack installs and writes. */
export const stackRoot = join(projectRoot, '.stack');

/** Where `npm run stack -- up` keeps its data. */
export const defaultFolder = join(stackRoot, 'data');

/** The default stack's addresses and keys, to `source`. */
export const environmentFile = join(stackRoot, 'env');
