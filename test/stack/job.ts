import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  argumentsOf,
  configurationOf,
  containerOf,
  environmentIn,
  type FunctionOptions,
  type FunctionSettings,
} from './function.ts';
import { nodeProgram } from './paths.ts';
import { quick } from './process/quick.ts';

export type JobOptions = Pick<FunctionOptions, 'overrides' | 'env'> & {
  /** Arguments after the manifest's. */
  args?: readonly string[];
  /** Ends the job as the platform would. */
  signal?: AbortSignal;
  /** Gets its process id, once it has one. */
  onSpawn?: (pid: number) => void;
};

/** One run of a job, as its CronJob would start it. */
export type JobRun = {
  /** Null if a signal ended it. */
  code: number | null;
  /** All that it printed. */
  log: string;
};

/** Runs it to its end, as its CronJob in the manifests would. */
export const runJob = async (
  name: 'renewal' | 'replay',
  settings: FunctionSettings,
  options: JobOptions = {},
): Promise<JobRun> => {
  const { overrides = {}, env = {}, args = [], signal, onSpawn } = options;
  const folder = await mkdtemp(join(settings.folder, `${name}-`));
  const container = containerOf(settings, name);
  const own = {
    mode: null,
    certFile: null,
    keyFile: null,
    listenAddress: null,
    serviceAccountTokenFile: container.tokenFile,
  };
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, stringify(configurationOf(settings.configuration, { ...own, ...overrides })), {
    mode: 0o600,
  });
  const child = spawn(nodeProgram, [...argumentsOf(container), ...args], {
    env: {
      PATH: process.env['PATH'],
      ...quick,
      ...environmentIn(container, overrides),
      CONFIG_FILE: configFile,
      KUBECONFIG: container.kubeconfig,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal, killSignal: 'SIGKILL' }),
  });
  if (child.pid !== undefined) onSpawn?.(child.pid);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', () => {});
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, log: Buffer.concat(chunks).toString('utf8') };
};

/** The figures of the last line that says `message`; none where it did not get so far. */
export const figuresIn = (log: string, message: string): Record<string, number | boolean> => {
  const lines = log
    .trimEnd()
    .split('\n')
    .filter((line) => line.includes(`"msg":"${message}"`));
  const parsed: unknown = JSON.parse(lines.at(-1) ?? '{}');
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
  return Object.fromEntries(
    entries.filter(
      ([name, value]) => name !== 'time' && (typeof value === 'number' || typeof value === 'boolean'),
    ),
  );
};
