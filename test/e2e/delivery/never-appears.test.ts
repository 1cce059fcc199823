/**
 * One story from beginning to end (admitted, denied, undone, renewed, revoked, replayed as a dead letter), with the API
 * server's audit log at its most talkative; then every password and token that Vault ever gave out is looked for wherever
 * somebody might read.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { runJob } from '../../stack/job.ts';
import { auditLog } from '../../stack/kubernetes/control-plane.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { expectNothingNewSince, takeCensus } from '../support/census.ts';
import { openFleet } from '../support/fleet.ts';
import { deletePod } from '../support/fleet-state.ts';
import { createPod, podWith, type StoredPod, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { databaseTemplate } from '../support/postgres.ts';
import { pushgateway } from '../support/pushed.ts';
import { createNamespaceWithout } from '../support/quotas.ts';
import { DELETED, startSource } from '../support/revoking.ts';
import { secretsIn } from '../support/secrets-of-the-run.ts';
import { admission, authority, exampleNamespace, stack } from '../support/stack.ts';

/** A stub of a sink: it takes every event, and keeps it. */
const events: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
const sink = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  events.push({ headers: incoming.headers, body: Buffer.concat(chunks).toString() });
  outgoing.writeHead(202).end();
});
await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
afterAll(() => void sink.close());
const address: AddressInfo | string | null = sink.address();
const sinkUrl = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : '';

const { folder, functions, kubernetes, vault, parts } = stack.description;
const { revocationUrl = '', deadLettersUrl = '', brokerUrl = '' } = stack.description;
const deadLetters =
  '/api/v1/namespaces/vault-injector/configmaps?labelSelector=vault-db-injector.numberly.io%2Fdead-letter%3Dtrue';
const label = 'vault-db-injector';

const Range = v.object({ kvs: v.optional(v.array(v.object({ value: v.string() })), []) });

/** What etcd holds below `/registry/pods/`, byte for byte. */
async function podsInEtcd(): Promise<string> {
  const etcd = parts.find(({ name }) => name === 'etcd')?.address ?? '';
  const of = (key: string) => Buffer.from(key).toString('base64');
  const body = JSON.stringify({ key: of('/registry/pods/'), range_end: of('/registry/pods0') });
  const answer = await request(`${etcd}/v3/kv/range`, { method: 'POST', body });
  const { kvs } = v.parse(Range, JSON.parse(answer.body));
  return kvs.map(({ value }) => Buffer.from(value, 'base64').toString('latin1')).join('\n');
}

async function logs(): Promise<string> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.log'));
  return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('\n');
}

const TEN_DAYS = 10 * 86_400;
const WISHES = {
  'a.role': 'gule-rw',
  'b.role': 'other-rw',
  'b.mode': 'uri',
  'b.template': databaseTemplate,
  'b.env-key-uri': 'URI',
};

/** Its credentials are issued, and its namespace may have no Secret for them. */
async function undone(): Promise<void> {
  const namespace = 'never-appears-undone';
  await addAppRole(stack.vault, { name: 'undone-rw', namespaces: [namespace] });
  await createNamespaceWithout(namespace, 'count/secrets', async () => {
    const secret = { metadata: { generateName: 'any-' } };
    return (await stack.kubernetes.ask('POST', `/api/v1/namespaces/${namespace}/secrets`, secret)).body;
  });
  const before = await takeCensus();
  const { refusal } = await tryCreatePod(podWith({ role: 'undone-rw' }, { namespace }));
  expect(refusal).toContain('may have no further Secret');
  await expectNothingNewSince(before);
}

async function deleted(pod: StoredPod): Promise<void> {
  const uuids = uuidsOf(pod);
  await deletePod({ namespace: exampleNamespace, name: pod.metadata.name });
  await until(
    'it is revoked',
    async () => !(await takeCensus()).records.some((uuid) => uuids.includes(uuid)),
  );
}

/** What the source has told of its deletion goes to the dead letters, and from there the usual way once more. */
async function replayed({ metadata: { name } }: StoredPod) {
  const ofDeletion = () =>
    events.find(({ headers, body }) => headers['ce-type'] === DELETED && body.includes(name));
  await until('the source has told', () => ofDeletion() !== undefined);
  const { headers = {}, body = '' } = ofDeletion() ?? {};
  const told = Object.entries(headers).filter(([key]) => key === 'content-type' || key.startsWith('ce-'));
  const sent = await request(`${deadLettersUrl}/`, {
    method: 'POST',
    headers: Object.fromEntries(told.map(([key, value]) => [key, String(value)])),
    body,
  });
  expect(sent.status).toBe(204);
  const letters = JSON.stringify(await stack.kubernetes.call('GET', deadLetters));
  expect(letters).toContain(name);
  const { code, log } = await runJob('replay', functions, { overrides: { replaySink: brokerUrl } });
  expect([code, log]).toEqual([0, expect.stringContaining('"sent":1')]);
  return { letters, log };
}

test('no password and no token stands anywhere but in Vault and in the pods’ Secrets', async () => {
  const secretsFile = join(vault.folder, 'audit-in-the-clear.jsonl');
  const before = await secretsIn(secretsFile);
  const fleet = { ...(await openFleet()), label };
  await startSource(fleet, sinkUrl);

  const pods = await Promise.all(Array.from({ length: 3 }, () => createPod(podWith(WISHES))));
  const [gone, , kept] = pods;
  if (!gone || !kept) throw new Error('there are three');
  const wrong = podWith({ 'a.role': 'gule-rw', 'b.role': 'nobody' });
  expect((await tryCreatePod(wrong)).refusal).toBeDefined();
  await undone();
  // Renewed, leases and tokens: neither lasts for many sweeps that are so rare.
  const sweep = await stack.sweep({
    overrides: { logLevel: 'debug', syncTTLSecond: TEN_DAYS },
    env: { METRICS_PUSH_URL: pushgateway.url },
  });
  expect(sweep.report['renewed']).toBeGreaterThanOrEqual(6);
  await deleted(gone);
  const replay = await replayed(gone);

  const issued = [...(await secretsIn(secretsFile))].filter((secret) => !before.has(secret));
  // Token and password of each of seven grants, plus logins.
  expect(issued.length).toBeGreaterThanOrEqual(14);
  const metrics = async (url: string) => (await request(`${url}/metrics`, { ca: authority })).body;
  const kubernetesHas = async (path: string) => JSON.stringify(await stack.kubernetes.call('GET', path));
  const audit = await readFile(join(kubernetes.kubeconfig, '..', auditLog), 'utf8');
  const crossed = events.map(({ headers, body }) => `${JSON.stringify(headers)}\n${body}`).join('\n');
  /** Each with something that stands there: it is the right place, and the story has come by. */
  const places: readonly (readonly [place: string, text: string, something: string])[] = [
    ['pods as stored', await kubernetesHas('/api/v1/pods'), kept.metadata.name],
    ['the audit log', audit, `"name":"${gone.metadata.name}"`],
    ['the patches in it', audit, 'patch.webhook.admission.k8s.io'],
    ['events that crossed the sink', crossed, gone.metadata.name],
    ['dead letters', replay.letters, gone.metadata.name],
    ['Kubernetes Events', await kubernetesHas('/api/v1/events'), kept.metadata.name],
    ['pods in etcd', await podsInEtcd(), kept.metadata.name],
    ['logs', await logs(), 'credentials issued'],
    ['the log of the sweep', sweep.log, 'grant renewed'],
    ['the log of the replay', replay.log, 'replay ended'],
    ['metrics of admission', await metrics(admission.url), 'duration_seconds_count{phase="undo"}'],
    ['metrics of revocation', await metrics(revocationUrl), 'deletion_events_total{outcome="revoked"}'],
    ['metrics of dead-letters', await metrics(deadLettersUrl), 'dead_letters_total{outcome="kept"}'],
    ['metrics of renewal', await metrics(pushgateway.url), 'vault_injector_renew_token_count_success'],
  ];
  expect(places.flatMap(([place, text, something]) => (text.includes(something) ? [] : [place]))).toEqual([]);
  const forms = issued.flatMap((secret) => [secret, Buffer.from(secret).toString('base64')]);
  const stands = (text: string) => forms.some((form) => text.includes(form));
  expect(stands(await kubernetesHas(`/api/v1/namespaces/${exampleNamespace}/secrets`))).toBe(true);
  const hits = places.filter(([, text]) => stands(text));
  expect(hits.map(([place]) => place)).toEqual([]);
});
