import { join } from 'node:path';
import { buildFunctions } from './build.ts';
import { type Authority, createAuthority } from './certificates.ts';
import { startEventSource } from './event-source.ts';
import { type FunctionPart, type FunctionSettings, startFunction } from './function.ts';
import { findOrInstall } from './install/index.ts';
import { type ControlPlane, startControlPlane } from './kubernetes/control-plane.ts';
import { createObjects, requestReviewerToken } from './kubernetes/objects.ts';
import { pointWebhook } from './kubernetes/webhook.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import type { Processes } from './process/processes.ts';
import { type OnProgress, step } from './progress.ts';
import { prepareFunctions } from './settings.ts';
import { createVaultApi, type VaultApi } from './vault/api.ts';
import { startVault, type VaultServer } from './vault/server.ts';
import { createNamespace, setUpEngines, setUpKubernetesAuth } from './vault/setup.ts';

export type StartOptions = {
  folder: string;
  onProgress: OnProgress;
  vault: { tls?: boolean | undefined; namespace?: string | undefined };
  functions: boolean;
  /** Knative's event source, which sends what it sees to the revocation function. */
  eventSource: boolean;
  build: boolean;
};

/** All parts of a stack, up and set up. */
export type StartedParts = {
  authority: Authority;
  postgres: Postgres;
  vaultServer: VaultServer;
  /** With the root token, in the stack's namespace. */
  vault: VaultApi;
  cluster: ControlPlane;
  settings: FunctionSettings;
  admission: FunctionPart | undefined;
  revocation: FunctionPart | undefined;
};

type Programs = Record<'bao' | 'etcd' | 'kube-apiserver', string>;

/** One after the other: a compiler takes all of the machine by itself. The quick one first. */
const findPrograms = async (onProgress: OnProgress): Promise<Programs> => {
  const find = (name: keyof Programs) =>
    step(onProgress, `program ${name}`, (report) => findOrInstall(name, report));
  return { bao: await find('bao'), etcd: await find('etcd'), 'kube-apiserver': await find('kube-apiserver') };
};

type Lane = { processes: Processes; programs: Programs; options: StartOptions };
type VaultLane = Pick<StartedParts, 'postgres' | 'vaultServer' | 'vault'>;

const startVaultOnPostgres = async ({ processes, programs, options }: Lane): Promise<VaultLane> => {
  const { folder, onProgress } = options;
  const { tls, namespace } = options.vault;
  const authority = tls ? await createAuthority('vault') : undefined;
  const serverOptions = { binary: programs.bao, folder: join(folder, 'vault'), authority };
  const [postgres, vaultServer] = await Promise.all([
    step(onProgress, 'PostgreSQL', () => startPostgres(processes, join(folder, 'postgres'))),
    step(onProgress, 'OpenBao', () => startVault(processes, serverOptions)),
  ]);
  const { address, caFile, rootToken: token } = vaultServer;
  const vault = createVaultApi({ address, caFile, token, namespace });
  await step(onProgress, 'database engine and KV', async () => {
    if (namespace !== undefined) await createNamespace(createVaultApi({ address, caFile, token }), namespace);
    await setUpEngines(vault, postgres);
  });
  return { postgres, vaultServer, vault };
};

const startCluster = async (lane: Lane, authority: Authority): Promise<ControlPlane> => {
  const { processes, programs, options } = lane;
  const cluster = await step(options.onProgress, 'Kubernetes API server', () =>
    startControlPlane(processes, {
      etcdBinary: programs.etcd,
      apiServerBinary: programs['kube-apiserver'],
      folder: join(options.folder, 'kubernetes'),
      authority,
    }),
  );
  await step(options.onProgress, 'namespaces and accounts', () => createObjects(cluster.admin));
  return cluster;
};

const connectVaultToCluster = async (vault: VaultApi, cluster: ControlPlane, authority: Authority) => {
  const reviewerToken = await requestReviewerToken(cluster.admin);
  await setUpKubernetesAuth(vault, { url: cluster.url, caCertificate: authority.certificate, reviewerToken });
};

export const startParts = async (processes: Processes, options: StartOptions): Promise<StartedParts> => {
  const { onProgress, functions, vault: place } = options;
  const lane = { processes, options, programs: await findPrograms(onProgress) };
  const authority = await createAuthority('stack');
  const [{ postgres, vaultServer, vault }, cluster] = await Promise.all([
    startVaultOnPostgres(lane),
    startCluster(lane, authority),
    functions && options.build ? step(onProgress, 'function bundles', buildFunctions) : undefined,
  ]);

  await step(onProgress, 'Kubernetes auth in Vault', () => connectVaultToCluster(vault, cluster, authority));
  const folder = join(options.folder, 'functions');
  const { address, caFile } = vaultServer;
  const { namespace } = place;
  const settings = await prepareFunctions(folder, authority, cluster, { address, caFile, namespace });
  const parts = { authority, postgres, vaultServer, vault, cluster, settings };
  if (!functions) return { ...parts, admission: undefined, revocation: undefined };

  const admission = await step(onProgress, 'admission function', () =>
    startFunction(processes, settings, { name: 'admission' }),
  );
  await step(onProgress, 'webhook', () =>
    pointWebhook(cluster.admin, { url: `${admission.url}/`, caBundle: authority.certificate }),
  );
  const revocation = await step(onProgress, 'revocation function', () =>
    startFunction(processes, settings, { name: 'revocation' }),
  );
  if (options.eventSource) {
    const source = { folder: join(options.folder, 'event-source'), cluster, ca: authority.certificate };
    await startEventSource(processes, { ...source, sink: revocation.url, onProgress });
  }
  return { ...parts, admission, revocation };
};
