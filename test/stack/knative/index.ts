/** Everything between the cluster and the functions, in the order in which it needs one another. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startEventSource } from '../event-source.ts';
import { request } from '../http.ts';
import type { ClientConfig } from '../kubernetes/webhook.ts';
import type { Processes } from '../process/processes.ts';
import { type OnProgress, step } from '../progress.ts';
import { startBroker } from './broker.ts';
import {
  type Activators,
  canIsolate,
  type KnativeOptions,
  openGateway,
  openWebhook,
  startActivators,
} from './start.ts';

export type Knative = {
  activators: Activators;
  /** URL that callers of the admission function use. */
  gatewayUrl: string;
  webhook: ClientConfig;
  /** Undefined without an event source. */
  brokerUrl: string | undefined;
  /** Gives back what does not end with the processes. */
  release(): void;
};

type Parts = Omit<KnativeOptions, 'idleMs'>;
type Options = { folder: string; idleMs: number; eventSource: boolean; onProgress: OnProgress };

const startEvents = async (
  processes: Processes,
  { cluster, manifests, authority }: Parts,
  { folder, onProgress }: Options,
  activators: Activators,
  withBroker: boolean,
): Promise<string | undefined> => {
  const brokerFolder = join(folder, 'broker');
  await mkdir(brokerFolder, { recursive: true });
  const broker = withBroker
    ? await step(onProgress, 'broker', () =>
        startBroker(processes, {
          folder: brokerFolder,
          kubeconfig: cluster.kubeconfig,
          kubernetes: cluster.admin,
          kubernetesUrl: cluster.url,
          trigger: manifests.trigger('revocation'),
          subscriber: activators.revocation.url,
          deadLetterSink: activators['dead-letters'].url,
        }),
      )
    : undefined;
  await startEventSource(processes, {
    folder: join(folder, 'event-source'),
    cluster: { url: cluster.url, admin: cluster.admin },
    ca: authority.certificate,
    source: manifests.apiServerSource('pods'),
    sink: broker ?? activators.revocation.url,
    onProgress,
  });
  return broker;
};

export const startKnative = async (
  processes: Processes,
  parts: Parts,
  options: Options,
): Promise<Knative> => {
  const { onProgress, idleMs, eventSource } = options;
  const isolation = await canIsolate();
  if (!isolation) {
    console.warn(
      "Without Knative's queue-proxy and broker: this user may make neither network nor user namespaces.",
    );
  }
  const all = { ...parts, idleMs };
  const activators = await startActivators(processes, all, isolation);
  const { url, release } = await openGateway(all, activators.admission);
  const webhook = await step(onProgress, 'webhook', () => openWebhook(all, url));
  await step(onProgress, 'functions', () =>
    Promise.all(
      [activators.admission, activators.revocation].map((one) =>
        request(`${one.url}/readyz`, { timeoutMs: 30_000 }),
      ),
    ),
  );
  const brokerUrl = eventSource
    ? await startEvents(processes, parts, options, activators, isolation)
    : undefined;
  return { activators, gatewayUrl: url, webhook, brokerUrl, release };
};
