/**
 * Knative's real broker: ingress, in-memory channel and filter. Its controllers do not run; the objects that they would
 * make of Broker and Trigger, and the statuses that they would write, are made here out of the manifests.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { findOrInstall } from '../install/index.ts';
import type { PartName } from '../install/parts.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Trigger } from '../manifests.ts';
import type { ProcessSpec } from '../process/launch.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';
import { isolated } from './isolate.ts';

/** A Broker with its one Trigger. */
export type BrokerTargets = {
  kubernetes: KubernetesApi;
  trigger: Trigger;
  /** Addresses of the Trigger's subscriber and of its dead letter sink. */
  subscriber: string;
  deadLetterSink: string;
};

export type BrokerOptions = BrokerTargets & {
  folder: string;
  /** An administrator's credentials: they stand for the service accounts of Knative's own parts. */
  kubeconfig: string;
  kubernetesUrl: string;
};

const eventing = '/apis/eventing.knative.dev/v1';
const messaging = '/apis/messaging.knative.dev/v1';
const dispatcherPort = 8080;

/** Knative's controller copies annotations of this group from a Broker to its channel. */
const PROPAGATED = 'messaging.knative.dev';

const anyObject = v.looseObject({
  metadata: v.looseObject({
    uid: v.string(),
    generation: v.number(),
    annotations: v.optional(v.record(v.string(), v.string())),
  }),
});

const conditions = (...types: string[]) =>
  types.map((type) => ({ type, status: 'True', lastTransitionTime: new Date().toISOString() }));

const writeStatus = async (kubernetes: KubernetesApi, path: string, status: object): Promise<void> => {
  const found = v.parse(anyObject, await kubernetes.call('GET', path));
  const observedGeneration = found.metadata.generation;
  await kubernetes.call('PUT', `${path}/status`, { ...found, status: { observedGeneration, ...status } });
};

const portOf = (url: string): number => Number(new URL(url).port);

export type BrokerPlace = { ingress: string; filter: string; dispatcher: string };

const describeChannel = async (options: BrokerTargets, place: BrokerPlace): Promise<string> => {
  const { kubernetes, trigger, deadLetterSink } = options;
  const { name, namespace, broker, delivery } = trigger;
  const channel = `${broker}-kne-trigger`;
  const url = `${place.dispatcher}/${namespace}/${channel}`;
  const read = async (plural: string, object: string) =>
    v.parse(
      anyObject,
      await kubernetes.call('GET', `${eventing}/namespaces/${namespace}/${plural}/${object}`),
    ).metadata;
  const { uid } = await read('triggers', name);
  const { annotations = {} } = await read('brokers', broker);
  await kubernetes.apply({
    apiVersion: 'messaging.knative.dev/v1',
    kind: 'InMemoryChannel',
    metadata: {
      name: channel,
      namespace,
      annotations: Object.fromEntries(
        Object.entries(annotations).filter(([key]) => key.startsWith(PROPAGATED)),
      ),
    },
    spec: {
      subscribers: [
        {
          uid,
          generation: 1,
          subscriberUri: `${place.filter}/triggers/${namespace}/${name}/${uid}`,
          delivery: { ...delivery, deadLetterSink: { uri: deadLetterSink } },
        },
      ],
    },
  });
  await writeStatus(kubernetes, `${messaging}/namespaces/${namespace}/inmemorychannels/${channel}`, {
    address: { url },
    conditions: conditions('Ready', 'Addressable'),
  });
  return url;
};

const describeBroker = async (
  options: BrokerTargets,
  place: BrokerPlace,
  channelUrl: string,
): Promise<string> => {
  const { kubernetes, trigger, subscriber } = options;
  const { name, namespace, broker } = trigger;
  const url = `${place.ingress}/${namespace}/${broker}`;
  await writeStatus(kubernetes, `${eventing}/namespaces/${namespace}/brokers/${broker}`, {
    address: { url },
    annotations: { 'knative.dev/channelAddress': channelUrl },
    conditions: conditions('Ready', 'Addressable', 'FilterReady', 'IngressReady', 'TriggerChannelReady'),
  });
  await writeStatus(kubernetes, `${eventing}/namespaces/${namespace}/triggers/${name}`, {
    subscriberUri: subscriber,
    conditions: conditions('Ready', 'BrokerReady', 'SubscriberResolved', 'SubscriptionReady'),
  });
  return url;
};

/**
 * One more on the same three processes.
 *
 * @returns the address that events are sent to.
 */
export const openBroker = async (targets: BrokerTargets, place: BrokerPlace): Promise<string> =>
  describeBroker(targets, place, await describeChannel(targets, place));

/** @returns the address that events are sent to. */
export const startBroker = async (processes: Processes, options: BrokerOptions): Promise<string> => {
  const { folder, kubeconfig, kubernetesUrl, deadLetterSink } = options;
  const [ingressPort, ingressTls, filterPort, filterTls, port] = await Promise.all(
    Array.from({ length: 5 }, freePort),
  );
  const place: BrokerPlace = {
    ingress: `http://127.0.0.1:${ingressPort}`,
    filter: `http://127.0.0.1:${filterPort}`,
    dispatcher: `http://127.0.0.1:${port}`,
  };
  const common = {
    KUBECONFIG: kubeconfig,
    SYSTEM_NAMESPACE: 'knative-eventing',
    POD_NAME: 'stack',
    CONTAINER_NAME: 'stack',
    CONFIG_LOGGING_NAME: 'config-logging',
    CONFIG_OBSERVABILITY_NAME: 'config-observability',
    METRICS_DOMAIN: 'knative.dev/eventing',
  };
  const part = async (
    name: PartName,
    address: string,
    env: Record<string, string>,
  ): Promise<ProcessSpec> => ({
    name,
    command: await findOrInstall(name, () => {}),
    args: [],
    env: { ...common, ...env },
    address,
    logFile: join(folder, `${name}.log`),
    ready: async () => (await fetch(address)).status > 0,
    readyWithinMs: 30_000,
  });
  const url = await openBroker(options, place);
  const dispatcher = await isolated(
    await part('channel-dispatcher', place.dispatcher, {
      MAX_IDLE_CONNS: '1000',
      MAX_IDLE_CONNS_PER_HOST: '100',
    }),
    {
      inside: [{ outside: portOf(place.dispatcher), inside: dispatcherPort }],
      outward: [portOf(kubernetesUrl), portOf(place.filter), portOf(deadLetterSink)],
    },
  );
  const withNamespace = { NAMESPACE: 'knative-eventing' };
  const ingress = await part('broker-ingress', place.ingress, {
    ...withNamespace,
    INGRESS_PORT: String(ingressPort),
    INGRESS_PORT_HTTPS: String(ingressTls),
  });
  const filter = await part('broker-filter', place.filter, {
    ...withNamespace,
    FILTER_PORT: String(filterPort),
    FILTER_PORT_HTTPS: String(filterTls),
  });
  await Promise.all([dispatcher, ingress, filter].map((spec) => processes.start('function', spec)));
  return url;
};
