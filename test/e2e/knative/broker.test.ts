/**
 * Deletions on Knative's real way: event source, broker, channel, filter. The revocation function is away for a while; what
 * waits longer than the Trigger's retries last becomes a dead letter, and is sent again from there.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runJob } from '../../stack/job.ts';
import { readManifests } from '../../stack/manifests.ts';
import { takeCensus } from '../support/census.ts';
import { createPod, environmentOf, podWith, type StoredPod, uuidsOf } from '../support/pods.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

const { functions, brokerUrl = '' } = stack.description;
const { delivery, namespace } = (await readManifests()).trigger('revocation');
const channel = `/apis/messaging.knative.dev/v1/namespaces/${namespace}/inmemorychannels/pods-kne-trigger`;
const deadLetters = `/api/v1/namespaces/${namespace}/configmaps?labelSelector=vault-db-injector.numberly.io%2Fdead-letter%3Dtrue`;

const Channel = v.looseObject({
  metadata: v.looseObject({ generation: v.number() }),
  status: v.looseObject({}),
  spec: v.looseObject({ subscribers: v.tuple([v.looseObject({ delivery: v.looseObject({}) })]) }),
});
const List = v.object({ items: v.array(v.looseObject({ data: v.record(v.string(), v.string()) })) });

let living: StoredPod;
beforeAll(async () => {
  living = await createPod(podWith({ role: 'gule-rw' }));
});
afterEach(() => stack.control.resume('revocation'));

const createPods = (count: number) =>
  Promise.all(Array.from({ length: count }, () => createPod(podWith({ role: 'gule-rw' }))));

async function deletePods(pods: readonly StoredPod[]): Promise<void> {
  for (const { metadata } of pods) {
    await stack.kubernetes.call(
      'DELETE',
      `/api/v1/namespaces/${exampleNamespace}/pods/${metadata.name}?gracePeriodSeconds=0`,
    );
  }
}

const usersOf = (pods: readonly StoredPod[]) => pods.map((pod) => environmentOf(pod)['DBUSER'] ?? '');

async function usersLeft(pods: readonly StoredPod[]): Promise<string[]> {
  const { databaseUsers } = await takeCensus();
  return usersOf(pods).filter((user) => databaseUsers.includes(user));
}

/** What the revocation function's instances said of a grant, all that there ever were. */
async function said(uuid: string): Promise<string[]> {
  const folders = (await readdir(functions.folder)).filter((name) => name.startsWith('revocation-'));
  const files = folders.map((name) => join(functions.folder, name, 'revocation.log'));
  const logs = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const lines = logs.join('\n').split('\n');
  return lines.filter((line) => line.includes(uuid)).map((line) => /"msg":"([^"]*)"/.exec(line)?.[1] ?? line);
}

const lettersOf = async (pods: readonly StoredPod[]) => {
  const { items } = v.parse(List, await stack.kubernetes.call('GET', deadLetters));
  return items.filter(({ data }) =>
    pods.some(({ metadata }) => JSON.stringify(data).includes(metadata.name)),
  );
};

async function setDelivery(changes: object): Promise<void> {
  const found = v.parse(Channel, await stack.kubernetes.call('GET', channel));
  const [subscriber] = found.spec.subscribers;
  const changed = { ...subscriber, delivery: { ...subscriber.delivery, ...changes } };
  const spec = { ...found.spec, subscribers: [changed] };
  const stored = v.parse(Channel, await stack.kubernetes.call('PUT', channel, { ...found, spec }));
  // The status that the controller would write after the change.
  const status = { ...stored.status, observedGeneration: stored.metadata.generation };
  await stack.kubernetes.call('PUT', `${channel}/status`, { ...stored, status });
}

test('what is deleted while the function is away is revoked when it is back: all of it, once, and nothing of the living', async () => {
  const pods = await createPods(8);
  await stack.control.suspend('revocation');
  await deletePods(pods);
  // The first attempts have failed by then; none of them revoked anything.
  await expect.poll(async () => (await usersLeft(pods)).length).toBe(8);
  await stack.control.resume('revocation');
  await expect.poll(() => usersLeft(pods), { timeout: 40_000 }).toEqual([]);
  // Users that are dropped together may be in each other's way: Vault does it a moment later then, and a sweep finds it done.
  const once = [expect.stringMatching(/^grant revoked$|^a revoked grant cannot be dropped yet: /)];
  for (const uuid of pods.flatMap(uuidsOf)) await expect.poll(() => said(uuid)).toEqual(once);
  expect(await usersLeft([living])).toEqual(usersOf([living]));
});

test('what exhausts the retries is kept as a dead letter, and revoked when it is sent again', async () => {
  const pods = await createPods(3);
  await stack.control.suspend('revocation');
  // The manifest's number of retries, without the hours between them.
  await setDelivery({ backoffDelay: 'PT0S' });
  await deletePods(pods);
  await expect.poll(async () => (await lettersOf(pods)).length, { timeout: 50_000 }).toBe(3);
  const secrets = pods.map((pod) => environmentOf(pod)['DBPASSWORD'] ?? '');
  const kept = JSON.stringify(await lettersOf(pods));
  expect(secrets.filter((secret) => kept.includes(secret))).toEqual([]);
  expect(await usersLeft(pods)).toHaveLength(3);

  await setDelivery({ backoffDelay: delivery.backoffDelay });
  await stack.control.resume('revocation');
  const { code } = await runJob('replay', functions, { overrides: { replaySink: brokerUrl } });
  expect(code).toBe(0);
  expect(await lettersOf(pods)).toEqual([]);
  await expect.poll(() => usersLeft(pods), { timeout: 20_000 }).toEqual([]);
});

afterAll(() => setDelivery({ backoffDelay: delivery.backoffDelay }));
