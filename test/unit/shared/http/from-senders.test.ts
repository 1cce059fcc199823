import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { fromSenders } from '../../../../shared/http/from-senders.ts';
import { createRoutes, sendText } from '../../../../shared/http/routes.ts';
import { type RunningServer, serve } from '../../../../shared/http/server.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { request } from '../../../stack/http.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const options = { audience: 'own', subjects: ['system:serviceaccount:vault-injector:trigger'] };
const issuer = 'https://kubernetes.default.svc';
const { publicKey, privateKey } = await generateKeyPair('ES256');
const keySet = { keys: [{ ...(await exportJWK(publicKey)), kid: 'only' }] };

const token = (sub: string) =>
  new SignJWT({ iss: issuer, aud: 'own', sub })
    .setProtectedHeader({ alg: 'ES256', kid: 'only' })
    .setExpirationTime('10m')
    .sign(privateKey);

const published = async ({ path }: { readonly path: string }): Promise<unknown> => {
  const found = { '/.well-known/openid-configuration': { issuer }, '/openid/v1/jwks': keySet };
  const answer = new Map<string, unknown>(Object.entries(found)).get(path);
  if (answer === undefined) throw new Error(`nobody expected ${path}`);
  return answer;
};

let server: RunningServer | undefined;
afterEach(() => server?.drain());

async function start(senders: typeof options | undefined, send = published) {
  const { log, lines } = createKeptLog();
  const sunk: string[] = [];
  const sink: HttpFunction = (incoming, response) => {
    sunk.push(String(incoming.rawBody));
    sendText(response, 204, '');
  };
  const clock = () => 0;
  const checkSender = fromSenders(senders, { api: { send }, clock, log });
  const metrics = createMetrics({ process: 'revocation', uuidLabel: false });
  const session = { ready: async () => {} };
  const routes = createRoutes(sink, { session, metrics, log, clock, ...(checkSender && { checkSender }) });
  http('sink', routes.handle);
  server = await serve({
    functionName: 'sink',
    routes,
    clock,
    port: 0,
    host: '127.0.0.1',
    tls: undefined,
    maxBodyBytes: 1_000,
  });
  const url = `http://127.0.0.1:${server.port}/`;
  const deliver = async (authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    return (await request(url, { method: 'POST', headers, body: 'event' })).status;
  };
  return { deliver, lines, sunk };
}

describe('with senders named', () => {
  test('an event of one of them gets to the sink as it came', async () => {
    const { deliver, lines, sunk } = await start(options);
    expect(await deliver(`Bearer ${await token(options.subjects[0] ?? '')}`)).toBe(204);
    expect([sunk, lines]).toEqual([['event'], []]);
  });

  test.each([
    ['without a token', async () => undefined, 'no bearer token'],
    ['with what is none', async () => 'Bearer x', 'ERR_JWS_INVALID'],
    [
      'of another subject',
      async () => `Bearer ${await token('system:serviceaccount:team:a')}`,
      'another subject',
    ],
  ])('an event %s does not, and the log says why, without the token', async (_, authorization, outcome) => {
    const { deliver, lines, sunk } = await start(options);
    expect(await deliver(await authorization())).toBe(401);
    expect(sunk).toEqual([]);
    expect(lines).toEqual([
      { level: 'warn', message: 'security: an event is refused: its sender is unknown', outcome },
    ]);
  });

  test('whom nobody can tell while the keys cannot be read, it is no security matter: 503', async () => {
    const { deliver, lines, sunk } = await start(options, async () => {
      throw new KubernetesError('kubernetes_unavailable', 'away', 503);
    });
    expect(await deliver(`Bearer ${await token(options.subjects[0] ?? '')}`)).toBe(503);
    expect(sunk).toEqual([]);
    expect(lines).toEqual([{ level: 'error', message: 'request failed', code: 'kubernetes_unavailable' }]);
  });
});

test('with none named, whoever reaches the sink may send, and nothing is read', async () => {
  const { deliver, sunk } = await start(undefined, () => Promise.reject(new Error('nobody expected this')));
  expect(await deliver()).toBe(204);
  expect(sunk).toEqual(['event']);
});
