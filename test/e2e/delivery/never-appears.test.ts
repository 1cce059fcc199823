/**
 * One story from beginning to end (admitted, renewed, denied, revoked, an event replayed), with the API server's audit log at
 * its most talkative; then every password and token that Vault ever gave out is looked for wherever somebody might read.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { auditLog } from '../../stack/kubernetes/control-plane.ts';
import { until } from '../../stack/wait.ts';
import { takeCensus } from '../support/census.ts';
import { openFleet } from '../support/fleet.ts';
import { deletePod } from '../support/fleet-state.ts';
import { createPod, podWith, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { databaseTemplate } from '../support/postgres.ts';
import { dataOf, send, startSource } from '../support/revoking.ts';
import { secretsIn } from '../support/secrets-of-the-run.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

/** A stub of a sink: it takes every event, and keeps it. */
const events: string[] = [];
const sink = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  events.push(`${JSON.stringify(incoming.headers)}\n${Buffer.concat(chunks)}`);
  outgoing.writeHead(202).end();
});
await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
afterAll(() => void sink.close());
const address: AddressInfo | string | null = sink.address();
const sinkUrl = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : '';

const { folder, kubernetes, vault, parts, revocationUrl } = stack.description;
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

test('no password and no token stands anywhere but in Vault and in the pods’ Secrets', async () => {
  const secretsFile = join(vault.folder, 'audit-in-the-clear.jsonl');
  const before = await secretsIn(secretsFile);
  const fleet = { ...(await openFleet()), label };
  await startSource(fleet, sinkUrl);

  // Admitted, as classic and as URI; one denied.
  const wishes = {
    'b.role': 'other-rw',
    'b.mode': 'uri',
    'b.template': databaseTemplate,
    'b.env-key-uri': 'URI',
  };
  const pods = await Promise.all(
    Array.from({ length: 3 }, () => createPod(podWith({ 'a.role': 'gule-rw', ...wishes }))),
  );
  expect((await tryCreatePod(podWith({ 'a.role': 'gule-rw', 'b.role': 'nobody' }))).refusal).toBeDefined();
  // Renewed, all of them: nothing is remembered of them yet.
  await stack.sweep({ overrides: { logLevel: 'debug' } });
  // Deleted, revoked by the event; the event comes once more.
  const [gone] = pods;
  if (!gone) throw new Error('there are three');
  const uuids = uuidsOf(gone);
  await deletePod({ namespace: exampleNamespace, name: gone.metadata.name });
  await until(
    'it is revoked',
    async () => !(await takeCensus()).records.some((uuid) => uuids.includes(uuid)),
  );
  const data = dataOf({ namespace: exampleNamespace, name: gone.metadata.name, uuids });
  expect((await send({ url: revocationUrl ?? '' }, { data })).status).toBe(204);
  await until('the source has told', () => events.some((event) => event.includes(gone.metadata.name)));

  const issued = [...(await secretsIn(secretsFile))].filter((secret) => !before.has(secret));
  // Of each of six grants its token and its password; logins beside them.
  expect(issued.length).toBeGreaterThanOrEqual(12);
  const audit = await readFile(join(kubernetes.kubeconfig, '..', auditLog), 'utf8');
  const places = {
    'pods as stored': JSON.stringify(await stack.kubernetes.call('GET', '/api/v1/pods')),
    'the audit log, and the patches in it': audit,
    'events that crossed the sink': events.join('\n'),
    'Kubernetes Events': JSON.stringify(await stack.kubernetes.call('GET', '/api/v1/events')),
    'pods in etcd': await podsInEtcd(),
    logs: await logs(),
    metrics: (await request(`${revocationUrl}/metrics`)).body,
  };
  // There is something to find in each of them.
  expect(audit).toContain(`"name":"${gone.metadata.name}"`);
  expect(audit).toContain('patch.webhook.admission.k8s.io');
  expect(places['pods in etcd']).toContain(pods[1]?.metadata.name);
  const hits = Object.entries(places).flatMap(([place, text]) =>
    issued.some((secret) => text.includes(secret) || text.includes(Buffer.from(secret).toString('base64')))
      ? [place]
      : [],
  );
  expect(hits).toEqual([]);
});
