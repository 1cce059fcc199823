#!/usr/bin/env node
// Starts the command line on a Node that reads TypeScript: this one, or else the one that `npm ci` installed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const main = here('main.ts');
const installed = here('../node_modules/.bin/node');

if (process.features.typescript) {
  await import('./main.ts');
} else if (existsSync(installed)) {
  const child = spawn(installed, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('close', (code) => process.exit(code ?? 1));
} else {
  console.error(`Node ${process.version} does not read TypeScript: run npm ci in the repository first`);
  process.exit(1);
}
