/** What Knative could not deliver comes with the whole pod, credentials and all; what is kept of it is in the cluster, and no secret. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { type DeadLetterOffice, openDeadLetterOffice } from '../support/dead-letters.ts';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { parseMetrics } from '../support/metrics.ts';
import { readPod } from '../support/pods.ts';
import { DELETED } from '../support/revoking.ts';
import { expectNoSecretIn } from '../support/secrets.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

type Sink = Awaited<ReturnType<DeadLetterOffice['startSink']>>;
const planted = ['planted-in-env', 'planted-in-answer', 'planted-in-url', 'planted-in-body'];
let fleet: Fleet;
let office: DeadLetterOffice;
let sink: Sink;

beforeAll(async () => {
  [fleet, office] = await Promise.all([openFleet(), openDeadLetterOffice('dead-letters-kept')]);
  sink = await office.startSink({ logLevel: 'debug' });
});
afterEach(() => office.empty());

/** The event as Knative's dispatcher sends it (eventing 0.47, pkg/kncloudevents). */
function deliver(data: unknown, to: Sink = sink, id = '1') {
  return request(`${to.url}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': DELETED,
      'ce-source': 'https://10.96.0.1:443',
      'ce-id': id,
      'ce-subject': '/apis/v1/namespaces/team-infrastructure/pods/x',
      'ce-time': '2026-01-02T03:04:05.678Z',
      'ce-knativearrivaltime': '2026-01-02T03:04:06Z',
      'ce-knativeerrordest': 'http://revocation.vault-injector.svc.cluster.local/?token=planted-in-url',
      'ce-knativeerrorcode': '503',
      'ce-knativeerrordata': Buffer.from('planted-in-answer').toString('base64'),
    },
    body: typeof data === 'string' ? data : JSON.stringify(data),
  });
}

/** The pod as the API server has it, which is what the event carries. */
async function lastSightOf({ name }: Given) {
  const pod = await readPod(name);
  const variable = { name: 'OTHER', value: 'planted-in-env' };
  const containers = pod.spec.containers.map((one) => ({ ...one, env: [...one.env, variable] }));
  return { ...pod, kind: 'Pod', spec: { ...pod.spec, containers } };
}

const counted = async () => {
  const samples = Object.entries(parseMetrics((await request(`${sink.url}/metrics`)).body));
  return Object.fromEntries(samples.filter(([name]) => name.startsWith('vault_injector_dead_letters_total')));
};

describe('a dead letter', () => {
  test('is kept once, however often it comes, and no secret is kept, logged or counted', async () => {
    const pod = await fleet.pod();
    const event = await lastSightOf(pod);
    expect(JSON.stringify(event)).toContain(pod.password);
    for (const id of ['1', '2']) expect((await deliver(event, sink, id)).status).toBe(204);

    const kept = await office.kept();
    expect(kept).toEqual([
      expect.objectContaining({
        immutable: true,
        metadata: expect.objectContaining({
          labels: { 'vault-db-injector.numberly.io/dead-letter': 'true' },
        }),
        data: {
          namespace: exampleNamespace,
          pod: pod.name,
          uuids: pod.uuid,
          source: 'https://10.96.0.1:443',
          subject: '/apis/v1/namespaces/team-infrastructure/pods/x',
          id: '1',
          time: '2026-01-02T03:04:05.678Z',
          errorCode: '503',
          errorDestination: 'http://revocation.vault-injector.svc.cluster.local/',
          replays: '0',
        },
      }),
    ]);
    expect(await counted()).toEqual({
      'vault_injector_dead_letters_total{outcome="kept"}': 1,
      'vault_injector_dead_letters_total{outcome="known"}': 1,
    });

    // The log may come after the answer.
    const lines = async () =>
      (await readFile(sink.logFile, 'utf8'))
        .split('\n')
        .flatMap((line) => (line.includes('could not be delivered') ? [JSON.parse(line)] : []));
    await expect
      .poll(lines)
      .toEqual(
        ['kept', 'known'].map((outcome) =>
          expect.objectContaining({ level: 'warn', outcome, pod: pod.name, uuid: pod.uuid }),
        ),
      );
    const log = await readFile(sink.logFile, 'utf8');
    const secrets = [pod.password, pod.user, ...planted];
    expectNoSecretIn('the ConfigMaps', JSON.stringify(kept), secrets);
    expectNoSecretIn('the log', log, secrets);
    expectNoSecretIn('the metrics', (await request(`${sink.url}/metrics`)).body, secrets);
  });

  test('of a pod with an endless annotation fits into a ConfigMap', async () => {
    const { uuid } = await fleet.pod();
    const uuids = Array.from({ length: 5_000 }, () => uuid).join(',');
    const annotations = { 'db-creds-injector.numberly.io/uuid': uuids, other: 'x'.repeat(200_000) };
    const metadata = { namespace: exampleNamespace, name: 'x', annotations };
    expect((await deliver({ kind: 'Pod', metadata })).status).toBe(204);
    const [kept] = await office.kept();
    expect(JSON.stringify(kept).length).toBeLessThan(5_000);
  });

  test('that is not an event, or has no pod, is refused, counted and logged, and nothing of it is quoted', async () => {
    const body = '{"note": "planted-in-body"}';
    expect((await deliver(body)).status).toBe(400);
    expect((await request(`${sink.url}/`, { method: 'POST', body })).status).toBe(400);
    expect(await office.kept()).toEqual([]);
    expect(await counted()).toMatchObject({ 'vault_injector_dead_letters_total{outcome="refused"}': 2 });
    const log = await readFile(sink.logFile, 'utf8');
    expect(log.match(/a dead letter cannot be kept/g)).toHaveLength(2);
    expectNoSecretIn('the log', log, planted);
  });
});

describe('the sink', () => {
  test('may do nothing but create ConfigMaps in its own namespace', async () => {
    const account = `system:serviceaccount:${office.namespace}:vault-db-injector-dead-letters`;
    const allowed = async (verb: string, namespace: string, resource = 'configmaps') => {
      const answer = await stack.kubernetes.call(
        'POST',
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: { user: account, resourceAttributes: { verb, namespace, resource } },
        },
      );
      return JSON.stringify(answer).includes('"allowed":true');
    };
    expect(await allowed('create', office.namespace)).toBe(true);
    for (const verb of ['get', 'list', 'watch', 'update', 'patch', 'delete', 'deletecollection'])
      expect([verb, await allowed(verb, office.namespace)]).toEqual([verb, false]);
    expect(await allowed('create', exampleNamespace)).toBe(false);
    expect(await allowed('create', office.namespace, 'secrets')).toBe(false);
  });

  test('starts and is ready without a key of Vault', async () => {
    const keys = Object.keys(stack.description.functions.configuration).filter((key) =>
      /^vault|^kube/.test(key),
    );
    const without = await stack.startFunction({
      name: 'dead-letters',
      overrides: Object.fromEntries(keys.map((key) => [key, null])),
    });
    expect((await request(`${without.url}/readyz`)).status).toBe(200);
    await without.stop();
  });

  test('answers 503 while the API server cannot be reached: the broker sends it again', async () => {
    const pod = await fleet.pod();
    const { folder } = stack.description.functions;
    const elsewhere = join(folder, 'kubeconfig-of-a-sink-without-server');
    const content = await readFile(office.asSink.KUBECONFIG, 'utf8');
    const server = stack.description.kubernetes.url;
    await writeFile(elsewhere, content.replace(server, 'https://127.0.0.1:1'), { mode: 0o600 });
    const lost = await office.startSink({}, { KUBECONFIG: elsewhere });
    const { status, headers } = await deliver(await lastSightOf(pod), lost);
    expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
    expect(await office.kept()).toEqual([]);
    expectNoSecretIn('the log', await readFile(lost.logFile, 'utf8'), [pod.password, ...planted]);
    await lost.stop();
  });

  test('answers 503 where it lacks the right', async () => {
    const denied = await office.startSink({}, office.asReplay);
    expect((await deliver(await lastSightOf(await fleet.pod()), denied)).status).toBe(503);
    await denied.stop();
  });
});
