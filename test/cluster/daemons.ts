/** Processes that stay when the command that started them has ended. Each is known by its pid and the time of its start. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Identity, isAlive, startTimeOf } from '../stack/process/identity.ts';
import { paths, programPath } from './paths.ts';

export interface Daemon {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const STOP_WITHIN_MS = 20_000;
const pidFile = (name: string) => join(paths.pids, name);
const logOf = (name: string): string => join(paths.logs, `${name}.log`);

/** @returns `undefined` where it does not run. */
export async function running(name: string): Promise<Identity | undefined> {
  const content = await readFile(pidFile(name), 'utf8').catch(() => '');
  const [pid = '', startTime = ''] = content.split(' ');
  const identity = { pid: Number(pid), startTime };
  return pid !== '' && isAlive(identity) ? identity : undefined;
}

/** Starts it unless it runs. */
export async function start({ name, command, args, env = {} }: Daemon): Promise<void> {
  if (await running(name)) return;
  await Promise.all([paths.pids, paths.logs].map((folder) => mkdir(folder, { recursive: true })));
  const log = openSync(logOf(name), 'a', 0o600);
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: {
        PATH: programPath(),
        HOME: process.env['HOME'] ?? '/root',
        ...env,
      },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${name} has no pid`);
    await writeFile(pidFile(name), `${pid} ${startTimeOf(pid)}`);
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** Ends it, by SIGKILL where it does not end by itself. */
export async function stop(name: string): Promise<void> {
  const found = await running(name);
  if (found) {
    process.kill(found.pid, 'SIGTERM');
    const end = performance.now() + STOP_WITHIN_MS;
    while (isAlive(found) && performance.now() < end) await delay(50);
    if (isAlive(found)) process.kill(found.pid, 'SIGKILL');
  }
  await rm(pidFile(name), { force: true });
}

/** Names of all that was started and not stopped. */
export async function started(): Promise<string[]> {
  return readdir(paths.pids).catch(() => []);
}

/** What the last lines of its log say, for an error message. */
export async function lastLinesOf(name: string, count = 10): Promise<string> {
  const log = await readFile(logOf(name), 'utf8').catch(() => '');
  return log.trimEnd().split('\n').slice(-count).join('\n');
}
