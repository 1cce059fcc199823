/**
 * The way through Knative: pods change in the API server, the source from the manifests tells the broker, and the
 * broker tells the function, again and again until it is done or the Trigger's retries are over.
 */
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEventSource } from '../../stack/event-source.ts';
import { request } from '../../stack/http.ts';
import { openBroker } from '../../stack/knative/broker.ts';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { readManifests } from '../../stack/manifests.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { until } from '../../stack/wait.ts';
import {
  type AppRoleFunction,
  addAppRoleOf,
  createAppRolePod,
  startAppRole,
  startInitContainer,
  tell,
} from '../support/approles.ts';
import { parseMetrics } from '../support/metrics.ts';
import { authority, exampleAccount, stack } from '../support/stack.ts';

const processes = createProcesses();
afterAll(() => processes.stop());

const { brokerUrl = '', deadLettersUrl = '', parts, kubernetes, functions } = stack.description;
const manifests = await readManifests('test/stack/kustomization');
const { namespace } = manifests.trigger('approle');
const channel = `/apis/messaging.knative.dev/v1/namespaces/${namespace}/inmemorychannels/approle-kne-trigger`;
const own = 'approle-knative';
let role: Awaited<ReturnType<typeof addAppRoleOf>>;
let approle: AppRoleFunction;

const addressOf = (part: string) => parts.find(({ name }) => name === part)?.address ?? '';

beforeAll(async () => {
  role = await addAppRoleOf('knative-app');
  approle = await startAppRole();
  await createNamespace(stack.kubernetes, own, [exampleAccount]);
  const sink = await openBroker(
    {
      kubernetes: stack.kubernetes,
      trigger: manifests.trigger('approle'),
      subscriber: approle.url,
      deadLetterSink: deadLettersUrl,
    },
    {
      ingress: new URL(brokerUrl).origin,
      filter: addressOf('broker-filter'),
      dispatcher: addressOf('channel-dispatcher'),
    },
  );
  await startEventSource(processes, {
    folder: await mkdtemp(join(functions.folder, 'approle-source-')),
    cluster: { url: kubernetes.url, admin: stack.kubernetes },
    ca: authority,
    source: manifests.apiServerSource('approle'),
    // Pods that its selector finds by their label.
    namespaces: [own],
    sink,
    onProgress: () => {},
  });
  await watching();
});

/** The source says that it begins before it does, and so does the broker: a pod changes until an event of it comes. */
async function watching(): Promise<void> {
  const watched = await createAppRolePod({ role: role.name, namespace: own });
  let restartCount = 0;
  await until('an event comes', async () => {
    restartCount += 1;
    await watched.says({ state: 'waiting', restartCount });
    const { waiting = 0 } = await approle.outcomes();
    return waiting > 0;
  });
  await watched.remove();
}

test('a pod of a namespace that is switched on has its token; events that are sent again change nothing', async () => {
  const pod = await createAppRolePod({ role: role.name, namespace: own });
  await pod.says({ state: 'waiting' });
  const init = await startInitContainer(pod, role.roleId);
  await pod.says({ state: 'running' });
  expect(await init.exited).toBe(0);
  const pushed = 'kubernetesvault_server_secret_pushes_total{approle="knative-app"}';
  await until('it is counted', async () => ((await approle.samples())[pushed] ?? 0) === 1);
  for (let times = 0; times < 3; times += 1) expect(await tell(approle, pod)).toBe(204);
  await pod.says({ state: 'terminated' });
  await until('the end has come', async () => ((await approle.outcomes())['ended'] ?? 0) > 0);
  expect((await approle.samples())[pushed]).toBe(1);
});

test('an init container that is not up when its event comes is found by one of the next deliveries', async () => {
  const pod = await createAppRolePod({ role: role.name, namespace: own });
  await pod.says({ state: 'running' });
  await approle.says(`pod ${own}/${pod.name} has no secret_id yet`);
  const init = await startInitContainer(pod, role.roleId);
  expect(await init.exited).toBe(0);
});

const Channel = v.looseObject({
  metadata: v.looseObject({ generation: v.number() }),
  status: v.looseObject({}),
  spec: v.looseObject({ subscribers: v.tuple([v.looseObject({ delivery: v.looseObject({}) })]) }),
});

/** The Trigger's delivery, but shorter: the test does not wait for five minutes. */
async function setDelivery(changes: object): Promise<void> {
  const found = v.parse(Channel, await stack.kubernetes.call('GET', channel));
  const [subscriber] = found.spec.subscribers;
  const subscribers = [{ ...subscriber, delivery: { ...subscriber.delivery, ...changes } }];
  const stored = v.parse(
    Channel,
    await stack.kubernetes.call('PUT', channel, { ...found, spec: { ...found.spec, subscribers } }),
  );
  const status = { ...stored.status, observedGeneration: stored.metadata.generation };
  await stack.kubernetes.call('PUT', `${channel}/status`, { ...stored, status });
}

const letters = async (): Promise<number> => {
  const { body } = await request(`${deadLettersUrl}/metrics`);
  return parseMetrics(body)['vault_injector_dead_letters_total{outcome="too_late"}'] ?? 0;
};

/** The log of all instances so far. */
async function logsOfDeadLetters(): Promise<string[]> {
  const folders = (await readdir(functions.folder)).filter((name) => name.startsWith('dead-letters-'));
  const files = folders.map((name) => join(functions.folder, name, 'dead-letters.log'));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.join('\n').split('\n');
}

test('one that never comes ends in the dead letter sink, which says whose it was', async () => {
  await setDelivery({ retry: 1, backoffDelay: 'PT0S' });
  const before = await letters();
  const pod = await createAppRolePod({ role: role.name, namespace: own });
  await pod.says({ state: 'running' });
  await until('it is a dead letter', async () => (await letters()) > before, 40_000);
  let line = '';
  await until('its log says so', async () => {
    line = (await logsOfDeadLetters()).find((one) => one.includes(pod.name)) ?? '';
    return line !== '';
  });
  expect(JSON.parse(line)).toMatchObject({
    msg: 'a pod was not given its secret_id in time: the event is not kept',
    outcome: 'too_late',
    namespace: own,
    pod: pod.name,
  });
});
