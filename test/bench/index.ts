/** `npm run bench`: figures on real parts, as ratios and counts taken in one run. */
import { join } from 'node:path';
import { startStack } from '../stack/index.ts';
import { stackRoot } from '../stack/paths.ts';
import { benchAdmission } from './admission.ts';
import { benchColdStarts } from './cold-starts.ts';
import { printTable } from './figures.ts';

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());

const stack = await startStack({
  folder: join(stackRoot, 'bench'),
  signal: ended.signal,
  onProgress: ({ step, state }) => state === 'done' && console.error(`${step}: up`),
});
try {
  await benchColdStarts();
  await benchAdmission(stack);
  printTable();
} finally {
  await stack.stop();
}
process.exit(0);
