import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { guard } from './guard.ts';
import { quick } from './quick.ts';

export type ProcessSpec = {
  name: string;
  command: string;
  args: readonly string[];
  /** Where it listens, for people. */
  address: string;
  logFile: string;
  /**
   * Added to PATH, HOME, the locale, what Knative is told of old clusters, and what makes it quick: nothing else of this process's
   * environment reaches a part.
   */
  env?: Record<string, string>;
  user?: { uid: number; gid: number } | undefined;
  stopSignal?: NodeJS.Signals;
  /** Resolves with true once the part truly answers; asked again and again until then. */
  ready: () => Promise<boolean>;
  readyWithinMs?: number;
};

/** A running process of the stack. */
export type Part = {
  name: string;
  pid: number;
  address: string;
  logFile: string;
  /** Its exit code, null if a signal ended it. */
  exited: Promise<number | null>;
  runs(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Ends it and resolves when it is gone. */
  stop(): Promise<void>;
};

const stopWithinMs = 8_000;

const baseEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'KUBERNETES_MIN_VERSION'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

const lastLines = async (file: string, count: number): Promise<string> =>
  (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-count).join('\n');

const spawnInto = (spec: ProcessSpec): ChildProcess => {
  const log = openSync(spec.logFile, 'a', 0o600);
  try {
    return spawn(spec.command, spec.args, {
      // A group of its own: Ctrl-C in a terminal reaches the stack only, which then ends its parts in order.
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...baseEnvironment(), ...quick, ...spec.env },
      ...spec.user,
    });
  } finally {
    closeSync(log);
  }
};

/** Spawns the process; it does not answer yet. */
export const launch = async (spec: ProcessSpec): Promise<Part> => {
  const child = spawnInto(spec);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${spec.name} has no pid`);

  const release = guard(pid, spec.stopSignal ?? 'SIGTERM');
  void exited.then(release);
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-pid, signal);
    } catch {
      // Gone already.
    }
  };
  const runs = () => child.exitCode === null && child.signalCode === null;
  const stop = async (): Promise<void> => {
    if (!runs()) return;
    kill(spec.stopSignal ?? 'SIGTERM');
    // A test may have halted it.
    kill('SIGCONT');
    const timer = setTimeout(() => kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
  };
  return { name: spec.name, pid, address: spec.address, logFile: spec.logFile, exited, runs, kill, stop };
};

/** Waits until the part answers. One that ends or stays silent is an error with its last lines of log. */
export const answering = async (part: Part, spec: ProcessSpec): Promise<void> => {
  const seconds = (spec.readyWithinMs ?? 60_000) / 1000;
  const end = performance.now() + seconds * 1000;
  let ended: string | undefined;
  void part.exited.then((code) => {
    ended = code === null ? 'was ended by a signal' : `ended with exit code ${code}`;
  });
  let lastError: unknown;
  const isReady = (): Promise<boolean> =>
    spec.ready().catch((error: unknown) => {
      lastError = error;
      return false;
    });

  while (!(await isReady())) {
    if (ended === undefined && performance.now() < end) {
      await delay(25);
      continue;
    }
    const why = ended ?? `did not answer within ${seconds} s`;
    const log = await lastLines(part.logFile, 20);
    await part.stop();
    throw new Error(`${spec.name} ${why}. The end of its log, ${part.logFile}:\n${log}`, {
      cause: lastError,
    });
  }
};
