import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { request } from './http.ts';
import { nodeArguments, nodeProgram, projectRoot } from './paths.ts';
import type { Part } from './process/launch.ts';
import { freePort } from './process/ports.ts';
import type { Processes } from './process/processes.ts';

type Value = string | number | boolean | null;

/** What every function of a stack starts with. */
export type FunctionSettings = {
  folder: string;
  configuration: Record<string, Value>;
  /** That the functions' certificates are from. */
  caFile: string;
  /** With which functions and job ask the API server, as their service account. */
  kubeconfig: string;
};

export type FunctionOptions = {
  /** Of its bundle, `dist/<name>.cjs`. */
  name: 'admission' | 'revocation';
  /** Keys of its configuration in place of the stack's; null takes one away. */
  overrides?: Record<string, Value>;
  env?: Record<string, string>;
  /** When the start counts as done: /readyz or /healthz answers 200, or the process is there. Default: ready. */
  until?: 'ready' | 'healthy' | 'spawned';
};

/** A running function. */
export type FunctionPart = Part & { url: string; configFile: string };

const instances = new Map<string, number>();

/** What differs between the functions: who calls admission insists on TLS, Knative ends it before an event sink. */
const OWN_KEYS: Record<FunctionOptions['name'], Record<string, Value>> = {
  admission: { mode: 'injector' },
  revocation: { mode: 'revoker', certFile: null, keyFile: null },
};

export const configurationOf = (defaults: Record<string, Value>, overrides: Record<string, Value>) =>
  Object.fromEntries(Object.entries({ ...defaults, ...overrides }).filter(([, value]) => value !== null));

/** Starts one of the built functions as a process of its own. */
export const startFunction = async (
  processes: Processes,
  settings: FunctionSettings,
  options: FunctionOptions,
): Promise<FunctionPart> => {
  const { name, overrides = {}, env = {}, until = 'ready' } = options;
  const instance = (instances.get(name) ?? 0) + 1;
  instances.set(name, instance);
  const folder = join(settings.folder, `${name}-${process.pid}-${instance}`);
  await mkdir(folder, { recursive: true });
  const configuration = configurationOf(settings.configuration, { ...OWN_KEYS[name], ...overrides });
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, stringify(configuration), { mode: 0o600 });

  const port = await freePort();
  const url = `${configuration['certFile'] === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const ca = await readFile(settings.caFile, 'utf8');
  const probe = async (path: string): Promise<boolean> =>
    (await request(`${url}${path}`, { ca })).status === 200;
  const ready = {
    ready: () => probe('/readyz'),
    healthy: () => probe('/healthz'),
    spawned: async () => true,
  };

  const part = await processes.start('function', {
    // The stack's own goes by the plain name.
    name: instance === 1 ? name : `${name}-${instance}`,
    command: nodeProgram,
    args: [...nodeArguments, join(projectRoot, 'dist', `${name}.cjs`)],
    env: { CONFIG_FILE: configFile, PORT: String(port), KUBECONFIG: settings.kubeconfig, ...env },
    address: url,
    logFile: join(folder, `${name}.log`),
    ready: ready[until],
    readyWithinMs: 20_000,
  });
  return { ...part, url, configFile };
};
