/**
 * Another secret for the webhook's path: which object changes when, and no admission that fails meanwhile. The admission
 * function and Vault are the stack's; it is handed the Secret when a new revision starts, as a kubelet would.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import * as v from 'valibot';
import { beforeAll, expect, test } from 'vitest';
import { until } from '../../stack/wait.ts';
import { bringKnative, startBareCluster } from '../support/bare-cluster.ts';
import { askedFor, commandsOn } from '../support/commands.ts';
import { startControllers } from '../support/controllers.ts';
import { startInstalledFunction } from '../support/installed-function.ts';
import { podWith, tryCreatePod } from '../support/pods.ts';

const ASKED = askedFor('https://vault.example.com', 'mine');
const SECRET = /\b[\da-f]{64}\b/;
const cluster = await startBareCluster('rotate');
const commands = commandsOn(cluster);
let admission: Awaited<ReturnType<typeof startInstalledFunction>>;
let controllers: ReturnType<typeof startControllers>;

beforeAll(async () => {
  await bringKnative(cluster);
  admission = await startInstalledFunction(cluster, 'rotated');
  controllers = startControllers(cluster, { startAdmission: admission.mountSecret });
  const { code, text } = await commands.install(...ASKED, ...admission.way);
  expect([code, text]).toEqual([0, expect.stringContaining('is denied by name')]);
});

const Seen = v.pipe(
  v.object({ metadata: v.object({ resourceVersion: v.pipe(v.string(), v.transform(Number)) }) }),
  v.transform(({ metadata }) => metadata.resourceVersion),
);

/** Each state of the object from now on, with its place in the order of all changes in the cluster. */
async function watch<T>(args: readonly string[], read: (object: unknown) => T) {
  const seen: { readonly at: number; readonly state: T }[] = [];
  const child = execa(
    cluster.kubectlProgram,
    [`--kubeconfig=${cluster.kubeconfig}`, 'get', ...args, '--watch', '--output=jsonpath={@}{"\\n"}'],
    { reject: false },
  );
  const reading = (async () => {
    for await (const line of child) {
      const object: unknown = JSON.parse(String(line));
      seen.push({ at: v.parse(Seen, object), state: read(object) });
    }
  })();
  await until('it is being watched', () => seen.length > 0);
  return {
    seen,
    stop: async () => {
      child.kill();
      await reading;
    },
  };
}

const Secret = v.object({ data: v.record(v.string(), v.string()) });
const Service = v.object({
  metadata: v.object({ generation: v.number() }),
  status: v.optional(v.object({ observedGeneration: v.optional(v.number(), 0) }), {}),
});
const Webhook = v.object({
  webhooks: v.tuple([v.object({ clientConfig: v.object({ url: v.string() }) })]),
});
const secretsIn = (object: unknown) =>
  Object.fromEntries(
    Object.entries(v.parse(Secret, object).data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]),
  );
const revisionIn = (object: unknown) => {
  const { metadata, status } = v.parse(Service, object);
  return { asked: metadata.generation, ready: status.observedGeneration };
};
const pathIn = (object: unknown) => new URL(v.parse(Webhook, object).webhooks[0].clientConfig.url).pathname;

async function watchAll() {
  const inNamespace = '--namespace=vault-injector';
  const secret = await watch(['secret', 'webhook-path', inNamespace], secretsIn);
  const service = await watch(['services.serving.knative.dev', 'admission', inNamespace], revisionIn);
  const webhook = await watch(['mutatingwebhookconfiguration', 'vault-db-injector'], pathIn);
  const stop = () => Promise.all([secret, service, webhook].map((one) => one.stop()));
  return { secret: secret.seen, service: service.seen, webhook: webhook.seen, stop };
}

/** Pods that are tried without a pause until `stop`; what the API server said to each. */
function admitAllTheTime() {
  const refusals: string[] = [];
  let stopped = false;
  const admitting = (async () => {
    while (!stopped) {
      const pod = podWith({ role: 'nobody' }, { namespace: 'team', serviceAccount: 'default' });
      const { refusal } = await tryCreatePod(pod, '?dryRun=All', cluster.admin);
      refusals.push(refusal ?? '');
      await sleep(5);
    }
  })();
  return {
    refusals,
    stop: async () => {
      stopped = true;
      await admitting;
    },
  };
}

test('both are accepted before the API server uses the new one, and the old one goes last; no admission fails', async () => {
  const objects = await watchAll();
  const old = objects.secret[0]?.state['current'] ?? '';
  const load = admitAllTheTime();
  const { code, text } = await commands.rotate('--settle', '3');
  await load.stop();
  const both = objects.secret.find(({ state }) => state['next'] !== undefined);
  const next = both?.state['next'] ?? '';
  await until('the last change is seen', () => objects.secret.at(-1)?.state['current'] === next);
  await objects.stop();

  expect([code, SECRET.test(text)]).toEqual([0, false]);
  expect(next).toMatch(SECRET);
  expect(both?.state).toEqual({ current: old, next });
  const asked = objects.service.at(-1)?.state.asked ?? 0;
  const ready = objects.service.find(({ state }) => state.ready === asked);
  const pointed = objects.webhook.find(({ state }) => state === `/${next}`);
  const alone = objects.secret.find(({ state }) => state['current'] === next);
  const order = [both?.at, ready?.at, pointed?.at, alone?.at].map(Number);
  expect(order).toEqual(order.toSorted((one, other) => one - other));
  expect(new Set(order).size).toBe(4);
  expect(alone?.state).toEqual({ current: next });

  expect(load.refusals.length).toBeGreaterThan(50);
  expect(load.refusals.filter((said) => !said.includes('Vault has no auth role "nobody"'))).toEqual([]);
  // The kubelet's next look at the Secret.
  await admission.mountSecret();
  await until('the old one is forgotten', async () => !(await admission.accepts(`/${old}`)));
  expect(await admission.accepts(`/${next}`)).toBe(true);
});

test('an installation afterwards keeps it, and then changes nothing', async () => {
  const objects = await watchAll();
  // Whose the fields are is all that changes the first time.
  expect((await commands.install()).code).toBe(0);
  const { code, text } = await commands.install();
  expect([code, text]).toEqual([0, expect.stringContaining('nothing was changed')]);
  await objects.stop();
  for (const states of [objects.secret, objects.service, objects.webhook])
    expect(new Set(states.map(({ state }) => JSON.stringify(state))).size).toBe(1);
});

test('one that was interrupted is taken up where it was, with the same secret', async () => {
  controllers.failing.set('services', 'RevisionFailed');
  const objects = await watchAll();
  const first = await commands.rotate('--timeout', '1', '--settle', '0');
  expect([first.code, first.text]).toEqual([1, expect.stringContaining('Service admission: RevisionFailed')]);
  const { next } = objects.secret.at(-1)?.state ?? {};
  expect(objects.webhook).toHaveLength(1);

  const meanwhile = await commands.install();
  expect([meanwhile.code, meanwhile.text]).toEqual([
    1,
    expect.stringContaining('npx vault-db-injector rotate'),
  ]);

  controllers.failing.clear();
  const generation = objects.service.at(-1)?.state.asked;
  expect((await commands.rotate('--settle', '0')).code).toBe(0);
  await until('the end is seen', () => objects.secret.at(-1)?.state['next'] === undefined);
  await objects.stop();
  expect(objects.secret.at(-1)?.state).toEqual({ current: next });
  expect(objects.webhook.at(-1)?.state).toBe(`/${next}`);
  // The revision that was asked for the first time does.
  expect(objects.service.at(-1)?.state.asked).toBe(generation);
});

test('without the Knative Service nothing is changed', async () => {
  const secret = () =>
    cluster.kubectl('get', 'secret', 'webhook-path', '--namespace=vault-injector', '--output=json');
  const before = await secret();
  const program = join(cluster.folder, 'kubectl-without-knative');
  const script = `#!/bin/sh\ncase "$*" in *serving.knative.dev*) echo "error: the server doesn't have a resource type" >&2; exit 1 ;; *) exec "${cluster.kubectlProgram}" "$@" ;; esac\n`;
  await writeFile(program, script, { mode: 0o755 });
  const { code, text } = await commandsOn({ ...cluster, kubectlProgram: program }).rotate();
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/nothing was changed: .*by hand: see docs\/install\.md/),
  ]);
  expect(await secret()).toBe(before);
});

test('where nothing is installed there is nothing to rotate', async () => {
  await cluster.kubectl('delete', 'secret', 'webhook-path', '--namespace=vault-injector');
  const { code, text } = await commands.rotate();
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(
      /^On the cluster https:.*\nthere is no Secret webhook-path: run npx vault-db-injector install$/,
    ),
  ]);
});
