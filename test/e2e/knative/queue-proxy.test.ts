/** Knative's queue-proxy in front of the admission function, as in a pod: probe, concurrency, timeout, drain. */
import * as v from 'valibot';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { startInstance } from '../../stack/knative/instance.ts';
import { type KnativeService, readManifests } from '../../stack/manifests.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { type FaultProxy, type Step, startFaultProxy } from '../support/fault-proxy.ts';
import { answering, beforehand, gate } from '../support/faults.ts';
import { podWith } from '../support/pods.ts';
import { ask, post, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';

const processes = createProcesses();
const admission = (await readManifests()).knativeService('admission');
const { functions } = stack.description;
const PROBE = { 'K-Network-Probe': 'queue', 'User-Agent': 'Knative-Activator-Probe' };
let proxy: FaultProxy;
let instances = 900;

beforeEach(async () => {
  proxy = await startFaultProxy();
});
afterEach(() => proxy.heal());
afterAll(() => processes.stop());

/** @param changes of what the manifest says. */
async function start(changes: Partial<KnativeService> = {}) {
  instances += 1;
  const instance = await startInstance(processes, functions, {
    service: { ...admission, ...changes },
    number: instances,
    queueProxy: true,
    overrides: { vaultAddress: proxy.url },
  });
  return { ...instance, path: functions.webhookPath };
}

const Webhooks = v.object({ webhooks: v.tuple([v.object({ timeoutSeconds: v.number() })]) });
const webhook = async () => {
  const name = 'vault-db-injector';
  const path = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`;
  return v.parse(Webhooks, await stack.kubernetes.call('GET', path)).webhooks[0];
};
const review = () => reviewOf(podWith({ role: 'gule-rw' }));

/** An instance that has its login and waits at a step in Vault. @returns what lets it go on. */
async function startWaitingAt(step: Step, changes: Partial<KnativeService>, times?: number) {
  const instance = await start(changes);
  await ask(instance, review());
  proxy.heal();
  const { opened, open } = gate();
  proxy.fail(
    step,
    beforehand(() => opened),
    times,
  );
  return { instance, release: open };
}

test('an instance counts as ready only once it could log in', async () => {
  proxy.fail('login', answering(403, '{"errors":["permission denied"]}'), Number.POSITIVE_INFINITY);
  const starting = start();
  await expect.poll(() => proxy.count('login')).toBeGreaterThan(1);
  let ready = false;
  void starting.then(() => {
    ready = true;
  });
  expect(ready).toBe(false);
  proxy.heal();
  const instance = await starting;
  expect((await request(instance.url, { headers: PROBE })).status).toBe(200);
});

test('no more than the manifest lets through are worked on at a time, and all are answered', async () => {
  const { instance, release } = await startWaitingAt(
    'token',
    { containerConcurrency: 2 },
    Number.POSITIVE_INFINITY,
  );
  const asked = Promise.all(Array.from({ length: 6 }, () => ask(instance, review(), '30s')));
  await expect.poll(() => proxy.count('token')).toBe(2);
  // What waits in the queue-proxy reaches the function when one of these has ended, and not before.
  expect(proxy.total()).toBeLessThanOrEqual(4);
  release();
  expect((await asked).map(({ allowed }) => allowed)).toEqual(Array.from({ length: 6 }, () => true));
});

test('what takes longer than the manifest allows is answered by the queue-proxy, and undone', async () => {
  const { instance, release } = await startWaitingAt('credentials', { timeoutSeconds: 1 });
  const { status, body } = await post(instance, JSON.stringify(review()), '30s');
  expect([status, body]).toEqual([504, 'request timeout']);
  release();
  await expect.poll(() => proxy.count('revoke')).toBe(1);
});

test('a function that does not answer at all is answered for, ahead of the API server, and so is who waits for a place', async () => {
  const { timeoutSeconds: webhookSeconds } = await webhook();
  expect(admission.responseStartTimeoutSeconds).toBeLessThan(webhookSeconds);
  const { instance, release } = await startWaitingAt(
    'credentials',
    { responseStartTimeoutSeconds: 1, containerConcurrency: 1 },
    Number.POSITIVE_INFINITY,
  );
  const asked = Array.from({ length: 3 }, () => post(instance, JSON.stringify(review()), '30s'));
  const answers = (await Promise.all(asked)).map(({ status, body }) => [status, body]);
  expect(answers).toEqual(Array(3).fill([504, 'request timeout']));
  release();
});

test('told to end, it finishes what is under way and takes what still comes', async () => {
  const instance = await start();
  const [reached, release] = [gate(), gate()];
  proxy.fail(
    'credentials',
    beforehand(() => {
      reached.open();
      return release.opened;
    }),
  );
  const underWay = ask(instance, review(), '30s');
  await reached.opened;
  void instance.retire();
  await expect.poll(async () => (await request(instance.url, { headers: PROBE })).status).toBe(503);
  expect((await ask(instance, review())).allowed).toBe(true);
  release.open();
  expect((await underWay).allowed).toBe(true);
});
