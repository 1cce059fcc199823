/** What can be wrong between the API server and the admission function. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:tls';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podGuard, webhook, webhookAuthority, webhookCertificate } from '../../../../cli/doctor/webhook.ts';
import { type Authority, createAuthority } from '../../../stack/certificates.ts';
import { factsOf } from './facts.ts';

const PATH = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/vault-db-injector';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const withWebhook = (changes: object, clientConfig: object, now?: number) =>
  factsOf(
    {
      [PATH]: {
        webhooks: [
          {
            objectSelector: { matchLabels: { 'vault-db-injector': 'true' } },
            clientConfig: { url: 'https://127.0.0.1:1/x', ...clientConfig },
            ...changes,
          },
        ],
      },
    },
    now,
  );

let [authority, another]: Authority[] = [];
let server: Server;
let port = 0;

beforeAll(async () => {
  [authority, another] = await Promise.all([createAuthority('ours'), createAuthority('another')]);
  const pair = await authority?.issue({ commonName: 'admission' });
  server = createServer({ cert: pair?.certificate, key: pair?.key }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = v.parse(v.object({ port: v.number() }), server.address()).port;
});
afterAll(() => void server.close());

describe('the webhook', () => {
  test.each([
    [
      'for another label',
      { objectSelector: { matchLabels: { other: 'true' } } },
      {},
      /does not select pods with the label vault-db-injector/,
    ],
    ['for all pods', { objectSelector: {} }, {}, /but \{\}/],
    ['that lets pods pass', { failurePolicy: 'Ignore' }, {}, /failurePolicy is Ignore/],
    ['without its secret', {}, { url: 'https://h/the-path-secret-is-not-set' }, /its path has no secret yet/],
  ])('%s', async (_, changes, clientConfig, expected) => {
    const verdict = await webhook(withWebhook(changes, clientConfig)).look();
    expect(verdict).toEqual({
      state: 'failed',
      detail: expect.stringMatching(expected),
      mend: expect.any(String),
    });
  });

  test('as it should be, without its path', async () => {
    const verdict = await webhook(withWebhook({}, { url: 'https://webhook.example.com/0123' })).look();
    expect(verdict).toEqual({
      state: 'ok',
      detail: 'pods with vault-db-injector: "true" go to webhook.example.com',
    });
  });
});

describe('its authority', () => {
  const YEARS = 365 * 24 * 3_600_000;
  const service = { url: undefined, service: { namespace: 'a', name: 'b' } };

  test.each([
    ['is none, of a Service', () => service, 'failed', /no caBundle is set/],
    ['is none, of a URL', () => ({}), 'unknown', /authorities of its system/],
    ['is no certificate', () => ({ caBundle: base64('nothing') }), 'failed', /holds no certificate/],
    [
      'is good',
      () => ({ caBundle: base64(authority?.certificate ?? '') }),
      'ok',
      /^valid until \d{4}-\d\d-\d\d$/,
    ],
  ])('%s', async (_, clientConfig, state, detail) => {
    const verdict = await webhookAuthority(withWebhook({}, clientConfig())).look();
    expect(verdict).toMatchObject({ state, detail: expect.stringMatching(detail) });
  });

  test('has expired', async () => {
    const facts = withWebhook(
      {},
      { caBundle: base64(authority?.certificate ?? '') },
      Date.now() + 11 * YEARS,
    );
    expect(await webhookAuthority(facts).look()).toMatchObject({
      state: 'failed',
      detail: expect.stringMatching(/^expired on \d{4}-/),
    });
  });
});

describe('the certificate that is shown', () => {
  const looked = (trusted: Authority | undefined, url: string) =>
    webhookCertificate(withWebhook({}, { url, caBundle: base64(trusted?.certificate ?? '') })).look();

  test('is of that authority', async () => {
    expect(await looked(authority, `https://127.0.0.1:${port}/x`)).toMatchObject({ state: 'ok' });
  });

  test('is of another one', async () => {
    expect(await looked(another, `https://127.0.0.1:${port}/x`)).toEqual({
      state: 'failed',
      detail: `the certificate of 127.0.0.1:${port} does not match the webhook's authority (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
      mend: 'npx vault-db-injector install --ingress none --webhook-url URL --webhook-ca FILE',
    });
  });

  test('cannot be seen from here', async () => {
    expect(await looked(authority, 'https://127.0.0.1:1/x')).toMatchObject({
      state: 'unknown',
      detail: expect.stringContaining('could not be reached from here (ECONNREFUSED)'),
    });
  });
});

test('a guard that is not there is named', async () => {
  expect(await podGuard(factsOf({})).look()).toMatchObject({
    state: 'failed',
    detail: expect.stringContaining('validatingadmissionpolicybindings/vault-db-injector-pods'),
  });
});
