import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOrInstall } from './install/index.ts';
import { kubeconfigOf } from './kubernetes/kubeconfig.ts';
import { eventSource } from './kubernetes/objects.ts';
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
  /** Whose pods it watches. */
  label?: string;
  onProgress: OnProgress;
};

/** Knative's ApiServerSource in mode Resource, for labelled pods: the adapter that its controller would start. */
export const startEventSource = async (
  processes: Processes,
  { folder, cluster, ca, sink, label = 'vault-db-injector', onProgress }: EventSourceOptions,
): Promise<Part> => {
  const command = await step(onProgress, 'program apiserver_receive_adapter', (report) =>
    findOrInstall('apiserver_receive_adapter', report),
  );
  await mkdir(folder, { recursive: true });
  const tokenFile = join(folder, 'token');
  await projectToken(cluster.admin, eventSource, [], tokenFile);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(cluster.url, ca, { tokenFile }), { mode: 0o600 });
  const watch = {
    namespaces: [''],
    allNamespaces: true,
    mode: 'Resource',
    resources: [{ gvr: { Group: '', Version: 'v1', Resource: 'pods' }, selector: `${label}=true` }],
  };
  const logFile = join(folder, 'event-source.log');
  return step(onProgress, 'event source', () =>
    processes.start('function', {
      name: 'event-source',
      command,
      args: [],
      env: {
        KUBECONFIG: kubeconfig,
        K_SINK: sink,
        K_SOURCE_CONFIG: JSON.stringify(watch),
        NAMESPACE: eventSource.namespace,
        NAME: 'pods',
        METRICS_DOMAIN: 'knative.dev/eventing',
      },
      address: sink,
      logFile,
      // It answers nobody; this is what it says when it begins to watch.
      ready: async () => (await readFile(logFile, 'utf8')).includes('Starting in resilient mode'),
      readyWithinMs: 20_000,
    }),
  );
};
