import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { environmentName } from '../../shared/config-keys.ts';
import { request } from './http.ts';
import { nodeProgram, projectRoot } from './paths.ts';
import type { Part } from './process/launch.ts';
import { freePort } from './process/ports.ts';
import type { Processes } from './process/processes.ts';

type Value = string | number | boolean | null;

/** A function or job, as its manifest starts it, and the tokens that the kubelet gives it. */
export type ContainerSettings = {
  args: string[];
  env: Record<string, string>;
  tokenFile: string;
  kubeconfig: string;
};

/** What every function of a stack starts with. */
export type FunctionSettings = {
  folder: string;
  configuration: Record<string, Value>;
  /** That the functions' certificates are from. */
  caFile: string;
  /** Path in the API server's requests to the admission function: `/` and the secret. */
  webhookPath: string;
  /** How functions and jobs are started, by their names in the manifests. */
  containers: Record<string, ContainerSettings>;
};

export type FunctionOptions = {
  /** Name of its bundle, `dist/<name>.cjs`. */
  name: 'admission' | 'revocation' | 'dead-letters' | 'approle';
  /** Keys of its configuration in place of the stack's; null takes one away. */
  overrides?: Record<string, Value>;
  env?: Record<string, string>;
  /** When the start counts as done: /readyz or /healthz answers 200, or the process is there. Default: ready. */
  until?: 'ready' | 'healthy' | 'spawned';
  port?: number;
};

/** A running function. */
export type FunctionPart = Part & {
  url: string;
  /** Where it is asked, by POST. */
  path: string;
  configFile: string;
};

const instances = new Map<string, number>();

/** What differs between the functions: who calls admission insists on TLS, Knative ends it before an event sink. */
const OWN_KEYS: Record<FunctionOptions['name'], Record<string, Value>> = {
  admission: { mode: 'injector' },
  revocation: { mode: 'revoker', certFile: null, keyFile: null },
  'dead-letters': { mode: null, certFile: null, keyFile: null },
  // Each pod is on a loopback address of its own here.
  approle: { mode: 'approle', certFile: null, keyFile: null, appRolePodCidrs: '127.0.0.0/8' },
};

export const configurationOf = (defaults: Record<string, Value>, overrides: Record<string, Value>) =>
  Object.fromEntries(Object.entries({ ...defaults, ...overrides }).filter(([, value]) => value !== null));

// Where the stack has other paths than a container.
const ownFiles = ['CONFIG_FILE', 'INJECTOR_WEBHOOK_PATH_SECRET_FOLDER'];

export const containerOf = (settings: FunctionSettings, name: string): ContainerSettings => {
  const container = settings.containers[name];
  if (container === undefined) throw new Error(`the manifests have no container ${name}`);
  return container;
};

/** The configuration of a process that runs in the test's own. */
export const configurationFor = (settings: FunctionSettings, name: string): Record<string, Value> => {
  const { env, tokenFile } = containerOf(settings, name);
  const { certFile: _, keyFile: __, ...configuration } = settings.configuration;
  const kubeRole = env['INJECTOR_KUBE_ROLE'] ?? null;
  return { ...configuration, kubeRole, serviceAccountTokenFile: tokenFile };
};

/** The manifest's, but for what is given in its place. */
export const environmentIn = (
  { env }: ContainerSettings,
  overrides: Record<string, Value>,
): Record<string, string> => {
  const given = [...ownFiles, ...Object.keys(overrides).map(environmentName)];
  return Object.fromEntries(Object.entries(env).filter(([name]) => !given.includes(name)));
};

/** The manifest's, with the bundle where the build puts it. */
export const argumentsOf = ({ args }: ContainerSettings): string[] =>
  args.map((arg) => (arg.endsWith('.cjs') ? join(projectRoot, 'dist', arg) : arg));

/** Starts one of the built functions as a process of its own. */
export const startFunction = async (
  processes: Processes,
  settings: FunctionSettings,
  options: FunctionOptions,
): Promise<FunctionPart> => {
  const { name, overrides = {}, env = {}, until = 'ready' } = options;
  const series = `${settings.folder}/${name}`;
  const instance = (instances.get(series) ?? 0) + 1;
  instances.set(series, instance);
  const folder = join(settings.folder, `${name}-${process.pid}-${instance}`);
  await mkdir(folder, { recursive: true });
  const container = containerOf(settings, name);
  const identity = { serviceAccountTokenFile: container.tokenFile };
  const configuration = configurationOf(
    { ...settings.configuration, ...identity },
    { ...OWN_KEYS[name], ...overrides },
  );
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, stringify(configuration), { mode: 0o600 });

  const port = options.port ?? (await freePort());
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
    args: argumentsOf(container),
    env: {
      ...environmentIn(container, overrides),
      CONFIG_FILE: configFile,
      PORT: String(port),
      KUBECONFIG: container.kubeconfig,
      ...env,
    },
    address: url,
    logFile: join(folder, `${name}.log`),
    ready: ready[until],
    readyWithinMs: 20_000,
  });
  return { ...part, url, path: name === 'admission' ? settings.webhookPath : '/', configFile };
};
