/**
 * What the controllers of Knative, cert-manager and Kubernetes would write: statuses, the webhook's authority, the end of
 * Jobs and of a namespace. None of them runs on a cluster of the tests'; the objects are the real API server's.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import type { BareCluster } from './bare-cluster.ts';

const NAMESPACE = 'vault-injector';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
const CHANNELS = `/apis/messaging.knative.dev/v1/namespaces/${NAMESPACE}/inmemorychannels`;
const BROKER_ADDRESS = 'http://broker-ingress.knative-eventing.svc.cluster.local/vault-injector/pods';
const REPORTED = [
  ['serving.knative.dev/v1', 'services'],
  ['serving.knative.dev/v1beta1', 'domainmappings'],
  ['eventing.knative.dev/v1', 'brokers'],
  ['eventing.knative.dev/v1', 'triggers'],
  ['sources.knative.dev/v1', 'apiserversources'],
  ['cert-manager.io/v1', 'certificates'],
] as const;
const LOOK_EVERY_MS = 50;

const Item = v.looseObject({
  metadata: v.looseObject({
    name: v.string(),
    generation: v.optional(v.number(), 0),
    annotations: v.exactOptional(v.record(v.string(), v.string())),
  }),
  status: v.optional(v.looseObject({})),
});
type Item = v.InferOutput<typeof Item>;
const List = v.object({ items: v.array(Item) });
const Webhook = v.looseObject({
  ...Item.entries,
  webhooks: v.array(v.looseObject({ clientConfig: v.looseObject({}) })),
});

export interface Kubelet {
  /** Replaces a Job's pod; returns whether it succeeded. */
  readonly runJob?: (job: Item) => Promise<boolean>;
  /** A new revision of the admission function starts. */
  readonly startAdmission?: () => Promise<void>;
}

export interface Controllers {
  /** Kinds, in the plural, that do not become ready, and the reason that stands in their status. */
  readonly failing: Map<string, string>;
}

/** What else a kind's controller tells. */
function ownStatus(plural: string, name: string): object {
  if (plural === 'brokers') return { address: { url: BROKER_ADDRESS } };
  if (plural === 'services') return { latestCreatedRevisionName: `${name}-00001` };
  return {};
}

export function startControllers(
  { admin, caFile, endFirst }: Pick<BareCluster, 'admin' | 'caFile' | 'endFirst'>,
  { runJob = async () => true, startAdmission = async () => {} }: Kubelet = {},
): Controllers {
  const failing = new Map<string, string>();
  const started = new Set<string>();

  async function items(path: string): Promise<readonly Item[]> {
    const { status, body } = await admin.ask('GET', path);
    return status === 200 ? v.parse(List, JSON.parse(body)).items : [];
  }

  async function report(folder: string, plural: string, item: Item): Promise<void> {
    if (plural === 'brokers') await makeChannel(item);
    const reason = failing.get(plural);
    const ready = reason === undefined ? { status: 'True' } : { status: 'False', reason, message: reason };
    const status = {
      observedGeneration: item.metadata.generation,
      conditions: [{ type: 'Ready', ...ready }],
      ...ownStatus(plural, item.metadata.name),
    };
    if (isDeepStrictEqual(status, item.status)) return;
    if (plural === 'services' && item.metadata.name === 'admission') await startAdmission();
    const path = `${folder}/${item.metadata.name}`;
    const stored = await admin.ask('GET', path);
    // It may have been deleted, or changed: then the next look will do.
    if (stored.status === 200)
      await admin.ask('PUT', `${path}/status`, { ...JSON.parse(stored.body), status });
  }

  /** Acts like Knative's controller of Brokers: the channel gets the annotations of this group. */
  async function makeChannel({ metadata }: Item): Promise<void> {
    const name = `${metadata.name}-kne-trigger`;
    if ((await admin.ask('GET', `${CHANNELS}/${name}`)).status === 200) return;
    const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) =>
      key.startsWith('messaging.knative.dev'),
    );
    await admin.ask('POST', CHANNELS, {
      apiVersion: 'messaging.knative.dev/v1',
      kind: 'InMemoryChannel',
      metadata: { name, annotations: Object.fromEntries(annotations) },
      spec: {},
    });
  }

  /** Acts like cert-manager's cainjector. */
  async function inject(): Promise<void> {
    for (const { metadata } of await items(WEBHOOKS)) {
      const path = `${WEBHOOKS}/${metadata.name}`;
      const { status, body } = await admin.ask('GET', path);
      if (status !== 200) continue;
      // Asked of the state that is written back: a change in between makes it another version, which is not overwritten.
      const stored = v.parse(Webhook, JSON.parse(body));
      const isAsked = stored.metadata.annotations?.['cert-manager.io/inject-ca-from'] !== undefined;
      if (!isAsked || failing.has('cainjector')) continue;
      const caBundle = (await readFile(caFile)).toString('base64');
      if (stored.webhooks.every(({ clientConfig }) => clientConfig['caBundle'] === caBundle)) continue;
      const webhooks = stored.webhooks.map((one) => ({
        ...one,
        clientConfig: { ...one.clientConfig, caBundle },
      }));
      await admin.ask('PUT', path, { ...stored, webhooks });
    }
  }

  async function runJobs(): Promise<void> {
    for (const job of await items(JOBS)) {
      if (started.has(job.metadata.name)) continue;
      started.add(job.metadata.name);
      await finish(job.metadata.name, await runJob(job));
    }
  }

  async function finish(name: string, succeeded: boolean): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const types = succeeded ? ['SuccessCriteriaMet', 'Complete'] : ['FailureTarget', 'Failed'];
    const conditions = types.map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
      lastProbeTime: now,
    }));
    const status = { startTime: now, ...(succeeded && { completionTime: now }), conditions };
    const stored = v.parse(v.looseObject({}), await admin.call('GET', `${JOBS}/${name}`));
    await admin.call('PUT', `${JOBS}/${name}/status`, { ...stored, status });
  }

  /** Acts like the namespace controller. */
  async function endNamespace(): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}`;
    const { status, body } = await admin.ask('GET', path);
    if (status !== 200 || !body.includes('"deletionTimestamp"')) return;
    for (const group of [
      'api/v1',
      'apis/batch/v1',
      'apis/networking.k8s.io/v1',
      'apis/rbac.authorization.k8s.io/v1',
    ]) {
      for (const plural of CONTENTS) await admin.ask('DELETE', `/${group}/namespaces/${NAMESPACE}/${plural}`);
    }
    await admin.ask('PUT', `${path}/finalize`, { ...JSON.parse(body), spec: { finalizers: [] } });
  }

  const stopped = new AbortController();
  const work = async () => {
    while (!stopped.signal.aborted) {
      for (const [group, plural] of REPORTED) {
        const folder = `/apis/${group}/namespaces/${NAMESPACE}/${plural}`;
        for (const item of await items(folder)) await report(folder, plural, item);
      }
      await inject();
      await runJobs();
      await endNamespace();
      await sleep(LOOK_EVERY_MS);
    }
  };
  const working = work();
  endFirst(async () => {
    stopped.abort();
    await working;
  });
  return { failing };
}

const CONTENTS = [
  'configmaps',
  'secrets',
  'serviceaccounts',
  'cronjobs',
  'jobs',
  'networkpolicies',
  'roles',
  'rolebindings',
];
