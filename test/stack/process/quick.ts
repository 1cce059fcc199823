import { join } from 'node:path';
import { stackRoot } from '../paths.ts';

/** What takes less of the processor for programs that live for seconds or minutes. */
export const quick = {
  /** Those in Go collect garbage four times less often than by default, as long as they have less than that. */
  GOGC: '400',
  GOMEMLIMIT: '512MiB',
  /** Compile cache for Node, as in the image. */
  NODE_COMPILE_CACHE: join(stackRoot, 'compile-cache'),
};
