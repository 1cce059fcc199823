/** `npm test`: vitest, with its options. An ordinary user on Linux has it run in a namespace, see namespace.ts. */
import { join } from 'node:path';
import { inNamespace, whatIsLacking } from './namespace.ts';
import { findOrInstall } from './stack/install/index.ts';
import { partNames } from './stack/install/parts.ts';
import { nodeProgram, projectRoot } from './stack/paths.ts';

const vitest = [
  nodeProgram,
  join(projectRoot, 'node_modules/vitest/vitest.mjs'),
  'run',
  ...process.argv.slice(2),
];

/** The stack's parts are fetched and built here: the namespace has no way to their registries. */
async function installParts(): Promise<void> {
  for (const name of partNames) {
    let isTold = false;
    await findOrInstall(name, (detail) => {
      if (!isTold) console.log(`${name}: ${detail}`);
      isTold = true;
    });
  }
}

async function commandOf(): Promise<readonly string[]> {
  if (process.platform !== 'linux' || process.getuid?.() === 0) return vitest;
  const lacking = await whatIsLacking();
  if (lacking !== undefined) throw new Error(`npm test ${lacking}.`);
  await installParts();
  return inNamespace(vitest);
}

// Node ends with 0 where nothing is left to wait for, whatever was not done.
process.exitCode = 1;
try {
  const command = await commandOf();
  if (process.execve === undefined)
    throw new Error('npm test needs the Node that `npm ci` installs, on Linux or macOS');
  // In place of this process, so that signals and the terminal are vitest's.
  process.execve('/usr/bin/env', ['env', ...command], process.env);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
}
