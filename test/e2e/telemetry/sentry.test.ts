/** Error reports, put to a local server in Sentry's place that keeps every byte. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { answering, garbling } from '../support/faults.ts';
import { openFleet } from '../support/fleet.ts';
import { podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { expectNoSecretIn } from '../support/secrets.ts';
import { stack } from '../support/stack.ts';

/** A stub of Sentry: it takes envelopes (https://develop.sentry.dev/sdk/foundations/data-model/envelopes/). */
const received: string[] = [];
const sentry = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const body = Buffer.concat(chunks);
  const plain = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  received.push(`${incoming.url} ${JSON.stringify(incoming.headers)}\n${plain}`);
  outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}');
});
await new Promise<void>((resolve) => sentry.listen(0, '127.0.0.1', resolve));
afterAll(() => void sentry.close());

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== 'object' || !address) throw new Error('the stub does not listen');
  return address.port;
}
const dsn = `http://publickey@127.0.0.1:${portOf(sentry.address())}/42`;
const keys = { sentry: true, sentryDsn: dsn, sentryEnvironment: 'staging' };

/** The events in what came. */
const events = (): readonly Record<string, unknown>[] =>
  received.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{') && line.includes('"message"'))
      .map((line) => JSON.parse(line)),
  );

let proxy: FaultProxy;
beforeEach(async () => {
  received.length = 0;
  proxy = await startFaultProxy();
});

const planted = `hvs.${'CAESIPlantedToken'.repeat(4)}`;
const refused = answering(403, JSON.stringify({ errors: [`permission denied for ${planted}`] }));

const start = (overrides = {}) => startAdmission(proxy, { overrides: { ...keys, ...overrides } });
const admit = (by: Awaited<ReturnType<typeof start>>, annotations: Record<string, string>) =>
  ask(by, reviewOf(podWith(annotations)));

describe('an error that nobody expects', () => {
  test('arrives, with its code and what runs, and with nothing of its surroundings', async () => {
    const admission = await start();
    proxy.fail('token', refused, 10);
    expect((await admit(admission, { role: 'gule-rw' })).allowed).toBe(false);
    await until('it arrives', () => events().length > 0);
    const [event] = events();
    expect(event).toMatchObject({
      level: 'error',
      environment: 'staging',
      release: expect.stringMatching(/^vault-db-injector@\d+\.\d+\.\d+$/),
      tags: { code: 'vault_denied', process: 'admission' },
      message: expect.stringContaining("Vault's policy does not allow the injector to create a token"),
    });
    const fields = ['environment', 'event_id', 'fingerprint', 'level', 'message', 'platform'];
    const known = [...fields, 'release', 'sdk', 'tags', 'timestamp'];
    expect(Object.keys(event ?? {}).filter((field) => !known.includes(field))).toEqual([]);
  });

  test('of the renewal job too, before it ends', async () => {
    const fleet = await openFleet();
    await fleet.pod();
    proxy.fail('ledger list', refused, 10);
    const overrides = { ...fleet.keys, ...keys, vaultAddress: proxy.url };
    expect((await stack.sweep({ overrides })).code).toBe(1);
    expect(events().map(({ tags }) => tags)).toContainEqual({ code: 'vault_denied', process: 'renewal' });
  });

  test('is told before the process ends', async () => {
    const admission = await start();
    proxy.fail(
      'token',
      garbling(() => '{}'),
    );
    await admit(admission, { role: 'gule-rw' });
    admission.kill('SIGTERM');
    expect(await admission.exited).toBe(0);
    expect(events().map(({ tags }) => tags)).toEqual([
      { code: 'vault_answer_invalid', process: 'admission' },
    ]);
  });
});

describe('nothing arrives', () => {
  test('of denials that a pod’s owner has to mend, or of Vault being away', async () => {
    const admission = await start();
    await admit(admission, { role: 'nobody-knows-it' });
    await admit(admission, { 'db.mode': 'wrong' });
    proxy.fail('token', answering(503, JSON.stringify({ errors: ['Vault is sealed'] })), 100);
    await admit(admission, { role: 'gule-rw' });
    admission.kill('SIGTERM');
    expect(await admission.exited).toBe(0);
    expect(events()).toEqual([]);
  });

  test('with a sample rate of 0, or where it is off', async () => {
    const functions = await Promise.all([start({ sentrySampleRate: 0 }), start({ sentry: false })]);
    for (const admission of functions) {
      proxy.fail('token', refused, 2);
      expect((await admit(admission, { role: 'gule-rw' })).allowed).toBe(false);
      admission.kill('SIGTERM');
      expect(await admission.exited).toBe(0);
    }
    expect(events()).toEqual([]);
  });
});

test('where nobody listens, pods are answered and the process ends as ever', async () => {
  const admission = await start({ sentryDsn: 'http://publickey@127.0.0.1:1/42' });
  proxy.fail('token', refused, 2);
  expect((await admit(admission, { role: 'gule-rw' })).allowed).toBe(false);
  proxy.heal();
  expect((await admit(admission, { role: 'gule-rw' })).allowed).toBe(true);
  admission.kill('SIGTERM');
  expect(await admission.exited).toBe(0);
});

test('no byte of it is a secret', async () => {
  const admission = await start();
  for (const step of ['token', 'credentials', 'record'] as const) {
    proxy.fail(step, refused, 2);
    await admit(admission, { role: 'gule-rw' });
    proxy.fail(
      step,
      garbling((body) => body.replace('"lease_duration"', '"x"')),
    );
    await admit(admission, { role: 'gule-rw' });
    proxy.heal();
  }
  await until('they arrive', () => events().length >= 3);
  admission.kill('SIGTERM');
  await admission.exited;
  const secrets = [...proxy.secrets(), planted];
  expect(secrets.length).toBeGreaterThan(5);
  expectNoSecretIn('what Sentry got', received.join('\n'), secrets);
});
