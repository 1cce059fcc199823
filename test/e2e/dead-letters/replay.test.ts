/** What was kept is sent again: the revocation function does its work, and the dead letter is gone. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { DEAD_LETTER_LABEL } from '../../../shared/events/dead-letter.ts';
import { createKubernetesApi } from '../../../shared/kubernetes/api.ts';
import { createConfigMaps } from '../../../shared/kubernetes/config-maps.ts';
import { projectToken } from '../../stack/settings.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { type DeadLetterOffice, openDeadLetterOffice } from '../support/dead-letters.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { canLogIn, deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { dataOf, type RevocationFunction, send, startRevocation } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';

const AUDIENCE = 'eventing.knative.dev/broker/vault-injector/pods';
const NOWHERE = 'http://127.0.0.1:1/';
let fleet: Fleet;
let office: DeadLetterOffice;
let sink: Awaited<ReturnType<DeadLetterOffice['startSink']>>;
let revocation: RevocationFunction;

beforeAll(async () => {
  [fleet, office] = await Promise.all([openFleet(), openDeadLetterOffice('dead-letters-replay')]);
  [sink, revocation] = await Promise.all([office.startSink(), startRevocation(fleet)]);
});
afterEach(async () => {
  await office.empty();
  await expectOrder(fleet);
});

async function deadLetters(count: number) {
  const pods = await fleet.pods(count);
  for (const pod of pods) {
    await deletePod(pod);
    expect((await send(sink, { data: dataOf(pod) })).status).toBe(204);
  }
  return pods;
}

/** A Broker's ingress, as far as it can be seen from outside. */
async function broker(answer: (headers: IncomingHttpHeaders) => number) {
  const received: IncomingHttpHeaders[] = [];
  const server = createServer((incoming, outgoing) => {
    received.push(incoming.headers);
    incoming.resume().on('end', () => outgoing.writeHead(answer(incoming.headers)).end());
  });
  const port = await listenOnLoopback(server);
  afterAll(() => server.close());
  return { url: `http://127.0.0.1:${port}/vault-injector/pods`, received };
}

describe('dead letters', () => {
  test('that are sent again end as the events would have: every grant is revoked, and none is left', async () => {
    const pods = await deadLetters(5);
    expect(await office.kept()).toHaveLength(5);
    expect(await usersLeft(fleet)).toEqual(expect.arrayContaining(pods.map(({ user }) => user)));

    const { code, report } = await office.replay(revocation.url);
    expect([code, report]).toEqual([0, { found: 5, sent: 5, failed: 0, unreadable: 0 }]);
    expect(await office.kept()).toEqual([]);
    expect(await usersLeft(fleet)).toEqual([]);
    expect(await fleet.records()).toEqual([]);
    expect(await revocation.outcomes()).toEqual({ revoked: 5 });
  });

  test('of a pod that lives do it no harm', async () => {
    const pod = await fleet.pod();
    await send(sink, { data: dataOf(pod) });
    expect((await office.replay(revocation.url)).code).toBe(0);
    expect([await canLogIn(pod), await office.kept()]).toEqual([true, []]);
  });

  test('stay while the sink is down, and go when it is back', async () => {
    const [pod] = await deadLetters(1);
    const down = await office.replay(NOWHERE);
    expect([down.code, down.report]).toEqual([1, { found: 1, sent: 0, failed: 1, unreadable: 0 }]);
    expect(await fleet.records()).toContain(pod?.uuid);
    expect(await office.kept()).toHaveLength(1);

    expect((await office.replay(revocation.url)).code).toBe(0);
    expect(await fleet.records()).not.toContain(pod?.uuid);
    expect(await office.kept()).toEqual([]);
  });

  test('that the sink refuses stay; the others go', async () => {
    const pods = await deadLetters(3);
    let requests = 0;
    const moody = await broker(() => (requests++ === 0 ? 500 : 202));
    const { code, report } = await office.replay(moody.url);
    expect([code, report]).toEqual([1, { found: 3, sent: 2, failed: 1, unreadable: 0 }]);
    expect(await office.kept()).toHaveLength(1);
    for (const pod of pods) await send(revocation, { data: dataOf(pod) });
  });

  test('that are none are left alone and reported', async () => {
    const metadata = { name: 'foreign', labels: { 'vault-db-injector.numberly.io/dead-letter': 'true' } };
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { uuids: 'planted' } };
    await stack.kubernetes.call('POST', `/api/v1/namespaces/${office.namespace}/configmaps`, foreign);
    const { code, report, log } = await office.replay(revocation.url);
    expect([code, report]).toEqual([1, { found: 1, sent: 0, failed: 0, unreadable: 1 }]);
    expect(log).toContain('ConfigMap foreign is labelled as a dead letter but is not one');
    expect(log).not.toContain('planted');
    expect(await office.kept()).toHaveLength(1);
  });

  test('that come back are other ones: what is being deleted is not what has just come', async () => {
    const [pod] = await deadLetters(1);
    const [first] = await office.kept();
    // Behaves like a Trigger whose subscriber answers a permanent failure.
    const bouncing = await broker(() => 202);
    expect((await office.replay(bouncing.url)).code).toBe(0);
    const [headers] = bouncing.received;
    expect(headers?.['ce-deadletterreplays']).toBe('1');
    const again = await fetch(sink.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...Object.fromEntries(attributesIn(headers ?? {})) },
      body: JSON.stringify(pod && dataOf(pod)),
    });
    expect(again.status).toBe(204);
    const [second] = await office.kept();
    expect(second?.metadata.name).not.toBe(first?.metadata.name);
    expect((await office.replay(revocation.url)).code).toBe(0);
  });
});

test('a ConfigMap that has taken the name of another is not deleted in its place', async () => {
  const {
    list,
    create,
    delete: remove,
  } = createConfigMaps(createKubernetesApi(office.asAdmin.KUBECONFIG), DEAD_LETTER_LABEL);
  using deadline = deadlineIn(10_000, monotonicClock);
  expect(await create('one', {}, deadline)).toBe(true);
  expect(await create('one', {}, deadline)).toBe(false);
  const [one] = await list(deadline);
  if (!one) throw new Error('there is one');
  await remove({ ...one, uid: '00000000-0000-4000-8000-000000000000' }, deadline);
  expect(await list(deadline)).toEqual([one]);
  await remove(one, deadline);
  await remove(one, deadline);
  expect(await list(deadline)).toEqual([]);
});

function attributesIn(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    name.startsWith('ce-') ? [[name, String(value)]] : [],
  );
}

describe('the job', () => {
  test('shows the token of its file, if it has one, and is refused without', async () => {
    const [pod] = await deadLetters(1);
    const tokenFile = `${office.asReplay.KUBECONFIG}.broker-token`;
    const account = { namespace: office.namespace, serviceAccount: 'vault-db-injector-replay' };
    await projectToken(stack.kubernetes, account, [AUDIENCE], tokenFile);
    const careful = await broker(({ authorization = '' }) => {
      const [, claims = ''] = authorization.split('.');
      return Buffer.from(claims, 'base64url').toString().includes(`"aud":["${AUDIENCE}"]`) ? 202 : 401;
    });
    const without = await office.replay(careful.url);
    expect([without.code, without.log]).toEqual([1, expect.stringContaining('HTTP 401')]);
    const missing = await office.replay(careful.url, { replaySinkTokenFile: '/nowhere' });
    expect([missing.code, missing.log]).toEqual([1, expect.stringContaining('replaySinkTokenFile')]);
    const { code, log } = await office.replay(careful.url, { replaySinkTokenFile: tokenFile });
    expect([code, await office.kept()]).toEqual([0, []]);
    expect(log).not.toContain('eyJ');
    if (pod) await send(revocation, { data: dataOf(pod) });
  });

  test('has nothing to do: one line, and 0', async () => {
    const { code, log } = await office.replay(NOWHERE);
    expect([code, log.trim().split('\n')]).toEqual([0, [expect.stringContaining('"msg":"replay ended"')]]);
  });

  test('cannot list the dead letters: 1', async () => {
    const { code, log } = await office.replay(NOWHERE, {}, office.asSink);
    expect([code, log]).toEqual([1, expect.stringContaining('the dead letters could not be listed')]);
  });

  test('has no sink: it does not start', async () => {
    const { code, log } = await office.replay('');
    expect([code, log]).toEqual([1, expect.stringContaining('replaySink: is missing')]);
  });
});
