/** Cold starts: from spawning a process to the headers of its first answer, or to its first request to Vault. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { projectRoot } from '../stack/paths.ts';

export interface ColdProcess {
  /** Arguments of `node`. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Resolves when the start is over; called at once after the spawn. */
  readonly started: (port: number) => Promise<void>;
}

// A process writes the cache when it ends in order, which it does once it has loaded all of itself.
const FILLING_MS = 1_000;
const node = join(projectRoot, 'node_modules/.bin/node');
const compileCache = join(projectRoot, '.stack/bench-compile-cache');

/** A server with nothing in it: what Node itself costs. */
export const BARE_SERVER: ColdProcess = {
  args: ['-e', "require('http').createServer((q, r) => r.end('ok')).listen(+process.env.PORT, '127.0.0.1')"],
  environment: {},
  started: (port) => answered(port, '/'),
};

/**
 * Medians in milliseconds, of runs taken in turn so that both meet the same machine. The first run of each, which
 * fills Node's compile cache as the image's build does, does not count.
 */
export async function coldStarts(processes: readonly ColdProcess[], runs: number): Promise<number[]> {
  await rm(compileCache, { recursive: true, force: true });
  const times: number[][] = processes.map(() => []);
  for (let run = 0; run <= runs; run += 1) {
    for (const [index, process] of processes.entries()) {
      const time = await coldStart(process, run === 0 ? FILLING_MS : 0);
      if (run > 0) times[index]?.push(time);
    }
  }
  return times.map(
    (measured) => measured.sort((left, right) => left - right)[Math.floor(runs / 2)] ?? Number.NaN,
  );
}

/** @param stayMs how long the process is left alone after its start. */
async function coldStart({ args, environment, started }: ColdProcess, stayMs: number): Promise<number> {
  const port = await getPort({ host: '127.0.0.1' });
  const env = {
    PATH: process.env['PATH'],
    NODE_COMPILE_CACHE: compileCache,
    PORT: String(port),
    ...environment,
  };
  const startedAt = performance.now();
  const child = spawn(node, args, { env, stdio: 'ignore' });
  try {
    await started(port);
    const time = performance.now() - startedAt;
    await sleep(stayMs);
    return time;
  } finally {
    await ended(child);
  }
}

/** Asks until there is an answer. */
export async function answered(port: number, path: string, body?: string): Promise<void> {
  while (!(await answers(port, path, body))) await new Promise((resolve) => setTimeout(resolve, 1));
}

function answers(port: number, path: string, body: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = http.request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
    request.end(body);
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
