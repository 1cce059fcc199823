import { join } from 'node:path';
import { buildFunctions } from './build.ts';
import { type Authority, createAuthority } from './certificates.ts';
import type { FunctionSettings } from './function.ts';
import { findOrInstall } from './install/index.ts';
import { applyManifests } from './knative/apply.ts';
import { type Knative, startKnative } from './knative/index.ts';
import { type ControlPlane, startControlPlane } from './kubernetes/control-plane.ts';
import { createObjects, requestReviewerToken } from './kubernetes/objects.ts';
import { type Manifests, readManifests } from './manifests.ts';
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
  vault: { tls?: boolean | undefined; namespace?: string | undefined; inTheClear?: boolean | undefined };
  functions: boolean;
  /** Knative's event source and broker, through which the revocation function learns of deletions. */
  eventSource: boolean;
  /** How long a function goes on that nobody asks. */
  idleMs: number;
  build: boolean;
};

/** All parts of a stack, up and set up. */
export type StartedParts = {
  authority: Authority;
  postgres: Postgres;
  vaultServer: VaultServer;
  /** Client with the root token, in the stack's namespace. */
  vault: VaultApi;
  cluster: ControlPlane;
  settings: FunctionSettings;
  manifests: Manifests;
  knative: Knative | undefined;
};

type Programs = Record<'bao' | 'etcd' | 'kube-apiserver', string>;
// Found when they are needed; looked for at once, so that what is missing is made before anything runs.
const others = [
  'kubectl',
  'isolate',
  'queue-proxy',
  'eventing-crds.yaml',
  'serving-crds.yaml',
  'eventing-config.yaml',
] as const;
const forEvents = [
  'apiserver_receive_adapter',
  'broker-ingress',
  'broker-filter',
  'channel-dispatcher',
] as const;

type Needed = keyof Programs | (typeof others)[number] | (typeof forEvents)[number];

/** One after the other: a compiler takes all of the machine by itself. The quick one first. */
const findPrograms = async (options: StartOptions): Promise<Programs> => {
  const { onProgress } = options;
  const find = (name: Needed): Promise<string> =>
    step(onProgress, `program ${name}`, (report) => findOrInstall(name, report));
  for (const name of others) await find(name);
  if (options.eventSource) for (const name of forEvents) await find(name);
  return { bao: await find('bao'), etcd: await find('etcd'), 'kube-apiserver': await find('kube-apiserver') };
};

type Lane = { processes: Processes; programs: Programs; options: StartOptions };
type VaultLane = Pick<StartedParts, 'postgres' | 'vaultServer' | 'vault'>;

const startVaultOnPostgres = async ({ processes, programs, options }: Lane): Promise<VaultLane> => {
  const { folder, onProgress } = options;
  const { tls, namespace, inTheClear } = options.vault;
  const authority = tls ? await createAuthority('vault') : undefined;
  const serverOptions = { binary: programs.bao, folder: join(folder, 'vault'), authority, inTheClear };
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

const startCluster = async (
  lane: Lane,
  authority: Authority,
  manifests: Manifests,
): Promise<ControlPlane> => {
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
  await step(options.onProgress, 'manifests', () =>
    applyManifests({
      folder: join(options.folder, 'kubernetes'),
      kubeconfig: cluster.kubeconfig,
      kubernetes: cluster.admin,
      manifests: manifests.all,
    }),
  );
  return cluster;
};

const connectVaultToCluster = async (vault: VaultApi, cluster: ControlPlane, authority: Authority) => {
  const reviewerToken = await requestReviewerToken(cluster.admin);
  await setUpKubernetesAuth(vault, { url: cluster.url, caCertificate: authority.certificate, reviewerToken });
};

export const startParts = async (processes: Processes, options: StartOptions): Promise<StartedParts> => {
  const { onProgress, functions, vault: place } = options;
  const lane = { processes, options, programs: await findPrograms(options) };
  const authority = await createAuthority('stack');
  const manifests = await readManifests('test/stack/kustomization');
  const [{ postgres, vaultServer, vault }, cluster] = await Promise.all([
    startVaultOnPostgres(lane),
    startCluster(lane, authority, manifests),
    functions && options.build ? step(onProgress, 'function bundles', buildFunctions) : undefined,
  ]);

  await step(onProgress, 'Kubernetes auth in Vault', () => connectVaultToCluster(vault, cluster, authority));
  const { address, caFile } = vaultServer;
  const { namespace } = place;
  const settings = await prepareFunctions({
    folder: join(options.folder, 'functions'),
    authority,
    cluster,
    vault: { address, caFile, namespace },
    manifests,
  });
  const parts = { authority, postgres, vaultServer, vault, cluster, settings, manifests };
  const knative = functions ? await startKnative(processes, parts, options) : undefined;
  return { ...parts, knative };
};
