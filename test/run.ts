/** `npm test`: vitest, with its options. An ordinary user on Linux has it run in a namespace, see namespace.ts. */
import { join } from 'node:path';
import { inNamespace, whatIsLacking } from './namespace.ts';
import { nodeProgram, projectRoot } from './stack/paths.ts';

const vitest = [
  nodeProgram,
  join(projectRoot, 'node_modules/vitest/vitest.mjs'),
  'run',
  ...process.argv.slice(2),
];
const isOrdinary = process.platform === 'linux' && process.getuid?.() !== 0;

const lacking = isOrdinary ? await whatIsLacking() : undefined;
if (lacking !== undefined) {
  console.error(`npm test ${lacking}.`);
  process.exit(1);
}
// Replaces this process, so that signals and the terminal are vitest's.
process.execve?.('/usr/bin/env', ['env', ...(isOrdinary ? inNamespace(vitest) : vitest)], process.env);
