/** `npm run bench [cold|admission|sweep]`: figures on real parts, as ratios and counts taken in one run. */
import { join } from 'node:path';
import { buildFunctions } from '../stack/build.ts';
import { type Stack, startStack } from '../stack/index.ts';
import { stackRoot } from '../stack/paths.ts';
import { benchAdmission } from './admission.ts';
import { benchColdStarts } from './cold-starts.ts';
import { printTable } from './figures.ts';
import { benchRevocation } from './revocation.ts';
import { benchSweepBudget } from './sweep-budget.ts';
import { benchSweepScale } from './sweep-scale.ts';

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());

/** A stack of its own for each part: what one leaves behind is not the next one's load. */
async function onStack(work: (stack: Stack) => Promise<void>): Promise<void> {
  const stack = await startStack({
    folder: join(stackRoot, 'bench'),
    signal: ended.signal,
    eventSource: false,
  });
  try {
    await work(stack);
  } finally {
    await stack.stop();
  }
}

const wanted = process.argv[2];
if (wanted === 'cold') {
  await buildFunctions(console.error);
  await benchColdStarts();
}
if (wanted === undefined || wanted === 'admission') {
  await onStack(async (stack) => {
    await benchColdStarts();
    await benchAdmission(stack);
  });
}
if (wanted === undefined || wanted === 'sweep') {
  await onStack(async (stack) => {
    await benchRevocation(stack);
    await benchSweepBudget(stack);
    await benchSweepScale(stack);
  });
}
printTable();
process.exit(0);
