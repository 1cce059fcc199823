/**
 * Whether Knative's real broker hands an event on while another one cannot be delivered: what the annotation of our Brokers is
 * for, why adding it later does not help, and that a Broker made again loses no grant.
 */

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { openBroker } from '../../stack/knative/broker.ts';
import { readManifests } from '../../stack/manifests.ts';
import { until } from '../../stack/wait.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { openFleet } from '../support/fleet.ts';
import { deletePod, usersLeft } from '../support/fleet-state.ts';
import { dataOf, eventHeaders } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const { brokerUrl = '', deadLettersUrl = '', parts } = stack.description;
const manifests = await readManifests();
const trigger = manifests.trigger('revocation');
const { namespace } = trigger;
const ASYNC = { 'messaging.knative.dev/async-handler': 'true' };
const RETRIES = 4;
const addressOf = (part: string) => parts.find(({ name }) => name === part)?.address ?? '';
const place = {
  ingress: new URL(brokerUrl).origin,
  filter: addressOf('broker-filter'),
  dispatcher: addressOf('channel-dispatcher'),
};
const brokers = `/apis/eventing.knative.dev/v1/namespaces/${namespace}/brokers`;
const channels = `/apis/messaging.knative.dev/v1/namespaces/${namespace}/inmemorychannels`;

/** Takes all events but those whose id begins with `stuck`. */
let sink: Server;
let subscriber: string;
const seen: string[] = [];
const times = (id: string) => seen.filter((one) => one === id).length;

beforeAll(async () => {
  sink = createServer((incoming, outgoing) => {
    const id = String(incoming.headers['ce-id']);
    seen.push(id);
    incoming.resume();
    outgoing.writeHead(id.startsWith('stuck') ? 503 : 204).end();
  });
  subscriber = `http://127.0.0.1:${await listenOnLoopback(sink)}`;
});
afterAll(() => void sink.close());

/** A Broker with a Trigger, as Knative's controllers would make ours ready. */
async function open(name: string, annotations: Readonly<Record<string, string>>): Promise<string> {
  const own = { ...trigger, name, broker: name };
  const delivery = {
    ...trigger.delivery,
    retry: RETRIES,
    backoffPolicy: 'linear',
    backoffDelay: 'PT0.2S',
  } as const;
  const kind = { apiVersion: 'eventing.knative.dev/v1', metadata: { name, namespace } };
  await stack.kubernetes.apply({ ...kind, kind: 'Broker', metadata: { ...kind.metadata, annotations } });
  const spec = { broker: name, subscriber: { uri: subscriber }, filter: trigger.filter };
  await stack.kubernetes.apply({ ...kind, kind: 'Trigger', spec });
  const url = await openBroker(
    {
      kubernetes: stack.kubernetes,
      trigger: { ...own, delivery },
      subscriber,
      deadLetterSink: deadLettersUrl,
    },
    place,
  );
  await until('it hands events on', async () => {
    const id = `hello-${randomUUID()}`;
    return (await send(url, id)) < 300 && times(id) > 0;
  });
  return url;
}

async function close(name: string): Promise<void> {
  await stack.kubernetes.call('DELETE', `${brokers}/${name}`);
  await stack.kubernetes.call('DELETE', `${channels}/${name}-kne-trigger`);
}

/** Waits for the answer, as the source does before it sends the next one. */
async function send(to: string, id: string, data: object = {}): Promise<number> {
  const { status } = await request(to, {
    method: 'POST',
    headers: eventHeaders(id),
    body: JSON.stringify(data),
    timeoutMs: 30_000,
  });
  return status;
}

const ALL = RETRIES + 1;

test('our Brokers carry it from their creation on', async () => {
  const approle = (await readManifests('test/stack/kustomization')).all;
  for (const { kind, metadata } of approle.filter((one) => one.kind === 'Broker'))
    expect([kind, metadata.name, metadata['annotations']]).toEqual([kind, metadata.name, ASYNC]);
});

test('with it an event that cannot be delivered is answered at once, and the next one arrives meanwhile', async () => {
  const broker = await open('hand-on', ASYNC);
  await send(broker, 'stuck-1');
  expect(await send(broker, 'next-1')).toBe(202);
  await until('the next one is there', () => times('next-1') === 1);
  expect(times('stuck-1')).toBeLessThan(ALL);
  await until('the other was tried to the end', () => times('stuck-1') === ALL);
  await close('hand-on');
});

/**
 * A channel that Knative addresses by a host of its own, as it does without transport encryption, is forgotten by its
 * dispatcher with its deletion. One that is addressed by its path, as with it and in this stack, is not.
 */
test('without it, the sender waits for all retries; added later it changes nothing, until the dispatcher forgets the channel', async () => {
  const before = await open('waits', {});
  await send(before, 'stuck-2');
  expect(times('stuck-2')).toBe(ALL);

  const changed = await open('waits', ASYNC);
  await send(changed, 'stuck-3');
  expect(times('stuck-3')).toBe(ALL);

  await close('waits');
  const byPath = await open('waits', ASYNC);
  await send(byPath, 'stuck-4');
  expect(times('stuck-4')).toBe(ALL);

  await stack.control.stop('channel-dispatcher');
  await stack.control.start('channel-dispatcher');
  const again = await open('waits', ASYNC);
  await send(again, 'stuck-5');
  expect(times('stuck-5')).toBeLessThan(ALL);
  await close('waits');
});

test('a deletion that waited in a Broker that is made again is made up for by the next sweep', async () => {
  const fleet = await openFleet();
  const [kept, lost] = await fleet.pods(2);
  if (!kept || !lost) throw new Error('there are two');
  const broker = await open('lost', ASYNC);
  await deletePod(lost);
  await send(broker, 'stuck-6', dataOf(lost));
  await until('it was tried', () => times('stuck-6') > 0);
  await close('lost');
  await open('lost', ASYNC);
  expect(await usersLeft(fleet)).toContain(lost.user);
  expect((await sweepIn(AFTER_GRACE, fleet)).report.revoked).toBe(1);
  expect([await usersLeft(fleet), await fleet.records()]).toEqual([[kept.user], [kept.uuid]]);
  await close('lost');
});
