import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { nodeProgram } from '../paths.ts';
import { startTimeOf } from './identity.ts';

let pipe: Writable | undefined;

const startWatchdog = (): Writable => {
  const watchdog = spawn(nodeProgram, [fileURLToPath(new URL('./watchdog.ts', import.meta.url))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // PATH to find `ip`.
    env: { PATH: process.env['PATH'] },
  });
  watchdog.unref();
  // Neither the watchdog nor the pipe to it may keep the process alive that they watch.
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref();
  watchdog.stdin.on('error', () => {});
  return watchdog.stdin;
};

/** Has an address taken off the loopback interface when this process is gone without having done it itself. */
export const guardAddress = (address: string): (() => void) => {
  pipe ??= startWatchdog();
  const watched = pipe;
  watched.write(`add-address ${address}\n`);
  return () => watched.write(`remove-address ${address}\n`);
};

/**
 * Has a process group ended (by `signal`, then by SIGKILL) when this process is gone without having done it itself, by
 * SIGKILL for instance. Returns the call that takes the group off the list again.
 */
export const guard = (pid: number, signal: NodeJS.Signals): (() => void) => {
  pipe ??= startWatchdog();
  const watched = pipe;
  watched.write(`add ${pid} ${startTimeOf(pid)} ${signal}\n`);
  return () => watched.write(`remove ${pid}\n`);
};
