import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { configurationOf, type FunctionOptions, type FunctionSettings } from './function.ts';
import { jobArguments, nodeProgram, projectRoot } from './paths.ts';

export type SweepOptions = Pick<FunctionOptions, 'overrides' | 'env'> & {
  /** Ends the sweep as the platform would. */
  signal?: AbortSignal;
  /** Gets its process id, once it has one. */
  onSpawn?: (pid: number) => void;
};

/** One run of the renewal job. */
export type SweepRun = {
  /** Null if a signal ended it. */
  code: number | null;
  /** The figures of its last line; empty where it did not get so far. */
  report: Record<string, number | boolean>;
  /** All that it printed. */
  log: string;
};

const reportIn = (log: string): SweepRun['report'] => {
  const lines = log
    .trimEnd()
    .split('\n')
    .filter((line) => line.includes('"msg":"sweep ended"'));
  const parsed: unknown = JSON.parse(lines.at(-1) ?? '{}');
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
  return Object.fromEntries(
    entries.filter(
      ([name, value]) => name !== 'time' && (typeof value === 'number' || typeof value === 'boolean'),
    ),
  );
};

/** Runs the renewal job once, as its CronJob would. */
export const runSweep = async (settings: FunctionSettings, options: SweepOptions = {}): Promise<SweepRun> => {
  const { overrides = {}, env = {}, signal, onSpawn } = options;
  const folder = await mkdtemp(join(settings.folder, 'sweep-'));
  const own = { mode: 'renewer', certFile: null, keyFile: null, listenAddress: null };
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, stringify(configurationOf(settings.configuration, { ...own, ...overrides })), {
    mode: 0o600,
  });
  const child = spawn(
    nodeProgram,
    [...jobArguments, join(projectRoot, 'dist/renewal.cjs'), `--config=${configFile}`],
    {
      env: { PATH: process.env['PATH'], KUBECONFIG: settings.kubeconfig, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal, killSignal: 'SIGKILL' }),
    },
  );
  if (child.pid !== undefined) onSpawn?.(child.pid);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', () => {});
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const log = Buffer.concat(chunks).toString('utf8');
  return { code, log, report: reportIn(log) };
};
