/**
 * No token, password or JWT leaves the function but in the patch. It logs all it can here, Vault's answers are full of
 * secrets in places where they do not belong, and the proxy knows every one that has passed.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Fault, startFaultProxy } from '../support/fault-proxy.ts';
import { answering, cutAfter, cutWithin, garbling } from '../support/faults.ts';
import { podWith } from '../support/pods.ts';
import { ask, post, reviewOf } from '../support/reviews.ts';
import { expectNoSecretIn } from '../support/secrets.ts';

const planted = {
  token: `hvs.${'CAESIPlantedToken'.repeat(4)}`,
  jwt: `eyJhbGciOiJSUzI1NiJ9.${'PlantedClaims'.repeat(3)}.${'PlantedSignature'.repeat(3)}`,
};
const proxy = await startFaultProxy();
let admission: AdmissionFunction;
/** All that was said, but for the patches. */
const said: string[] = [];

async function admit(annotations: Readonly<Record<string, string>> = { role: 'gule-rw' }) {
  const { allowed, message, warnings } = await ask(admission, reviewOf(podWith(annotations)), '3s');
  said.push(message, ...warnings);
  return allowed;
}

beforeAll(async () => {
  admission = await startAdmission(proxy, {
    overrides: { logLevel: 'debug' },
    env: { DEBUG: '*', VAULT_TOKEN: planted.token },
  });
});

describe('while', () => {
  test('all goes well', async () => {
    expect(await admit()).toBe(true);
    expect(proxy.secrets().size).toBeGreaterThanOrEqual(4);
  });

  const rows: readonly (readonly [string, Parameters<typeof proxy.fail>[0], Fault])[] = [
    [
      'Vault quotes the token in an error',
      'credentials',
      answering(400, JSON.stringify({ errors: [`bad token ${planted.token}`] })),
    ],
    [
      'Vault quotes a JWT in an error',
      'token',
      answering(403, JSON.stringify({ errors: [`claims of ${planted.jwt}`] })),
    ],
    ['an answer with a token in it breaks off', 'token', garbling((body) => body.slice(0, -20))],
    ['an answer with a password in it breaks off', 'credentials', garbling((body) => body.slice(0, -20))],
    ['the connection breaks off within a password', 'credentials', cutWithin],
    ['the connection breaks off after a token was made', 'token', cutAfter],
    ['an answer has another shape', 'credentials', garbling((body) => body.replace('"lease_id"', '"lease"'))],
    [
      "a proxy's page shows the request",
      'record',
      answering(500, `<html>X-Vault-Token: ${planted.token}</html>`),
    ],
  ];

  test.each(rows)('%s', async (_, step, fault) => {
    proxy.fail(step, fault);
    await admit();
    proxy.heal();
  });

  test('a pod carries secrets where it should not', async () => {
    expect(await admit({ role: planted.token, 'db.mode': planted.jwt, [planted.token]: 'x' })).toBe(false);
  });

  test('a body that is not JSON carries one', async () => {
    const { body } = await post(admission, `{"token": "${planted.token}" oops`);
    said.push(body);
  });
});

describe('afterwards', () => {
  test('none of them stands in a denial, a warning, the metrics or the log', async () => {
    const secrets = [...proxy.secrets(), ...Object.values(planted)];
    expect(secrets.length).toBeGreaterThanOrEqual(20);
    expectNoSecretIn('denials and warnings', said.join('\n'), secrets);
    expectNoSecretIn('metrics', (await admission.get('/metrics')).body, secrets);
    admission.kill('SIGTERM');
    expect(await admission.exited).toBe(0);
    const log = await admission.log();
    expect(log.split('\n').length).toBeGreaterThanOrEqual(10);
    expectNoSecretIn('the log', log, secrets);
  });
});
