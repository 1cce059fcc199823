import { join } from 'node:path';
import { stackRoot } from '../paths.ts';

/** What takes less of the processor for programs that live for seconds or minutes. */
export const quick = {
  /** Those in Go collect garbage four times less often than by default. */
  GOGC: '400',
  /** Of Node, as the image has one. */
  NODE_COMPILE_CACHE: join(stackRoot, 'compile-cache'),
};
