import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOrInstall } from './install/index.ts';
import { kubeconfigOf } from './kubernetes/kubeconfig.ts';
import type { ApiServerSource } from './manifests.ts';
import type { Part } from './process/launch.ts';
import type { Processes } from './process/processes.ts';
import { type OnProgress, step } from './progress.ts';
import { type ClusterPlace, projectToken } from './settings.ts';

export type EventSourceOptions = {
  folder: string;
  cluster: ClusterPlace;
  /** PEM of the authority that the API server's certificate is from. */
  ca: string;
  /** Where its events go. */
  sink: string;
  source: ApiServerSource;
  /** Whose pods it watches, in place of those that the manifest says. */
  label?: string | undefined;
  /** Those that its selector finds, where the manifest has one; absent: all. */
  namespaces?: readonly string[] | undefined;
  onProgress: OnProgress;
};

/** What Knative's controller tells the adapter of an ApiServerSource (K_SOURCE_CONFIG). */
const adapterConfiguration = (
  { mode, resources }: ApiServerSource,
  label: string | undefined,
  namespaces: readonly string[] | undefined,
): object => ({
  namespaces: namespaces ?? [''],
  allNamespaces: namespaces === undefined,
  mode,
  resources: resources.map(({ apiVersion, kind, selector }) => {
    const [version = '', group = ''] = apiVersion.split('/').toReversed();
    const labels = label === undefined ? (selector?.matchLabels ?? {}) : { [label]: 'true' };
    return {
      gvr: { Group: group, Version: version, Resource: `${kind.toLowerCase()}s` },
      selector: Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    };
  }),
});

// It answers nobody; this is what it says when it begins to watch, and what Knative's of before 1.20 said then.
const BEGINS = /Starting in resilient mode|Probes server listening/;

/** Knative's ApiServerSource: the adapter that its controller would start. */
export const startEventSource = async (
  processes: Processes,
  { folder, cluster, ca, source, sink, label, namespaces, onProgress }: EventSourceOptions,
): Promise<Part> => {
  const command = await findOrInstall('apiserver_receive_adapter', () => {});
  await mkdir(folder, { recursive: true });
  const tokenFile = join(folder, 'token');
  const { namespace, serviceAccountName: serviceAccount } = source;
  const account = { namespace, serviceAccount };
  await projectToken(cluster.admin, account, [], tokenFile);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(cluster.url, ca, { tokenFile }), { mode: 0o600 });
  const logFile = join(folder, 'event-source.log');
  return step(onProgress, 'event source', () =>
    processes.start('function', {
      name: 'event-source',
      command,
      args: [],
      env: {
        KUBECONFIG: kubeconfig,
        K_SINK: sink,
        K_SOURCE_CONFIG: JSON.stringify(adapterConfiguration(source, label, namespaces)),
        NAMESPACE: namespace,
        NAME: source.name,
        METRICS_DOMAIN: 'knative.dev/eventing',
      },
      address: sink,
      logFile,
      ready: async () => BEGINS.test(await readFile(logFile, 'utf8')),
      readyWithinMs: 20_000,
    }),
  );
};
