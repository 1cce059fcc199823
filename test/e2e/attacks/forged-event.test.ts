/** Where senders are known by their OIDC tokens, an event counts only if it comes from one that may send it. */
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { kubeconfigOf } from '../../stack/kubernetes/kubeconfig.ts';
import { createNamespace, requestToken } from '../../stack/kubernetes/objects.ts';
import { replaceFile } from '../../stack/replace-file.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { dataOf, type RevocationFunction, send, startRevocation } from '../support/revoking.ts';
import { authority, stack } from '../support/stack.ts';

const audience = 'vault-db-injector-revocation';
const sender = { namespace: 'forged-events', serviceAccount: 'trigger' };
const other = { namespace: 'forged-events', serviceAccount: 'default' };
const subject = 'system:serviceaccount:forged-events:trigger';
const keys = { eventAudience: audience, eventSubjects: `system:serviceaccount:elsewhere:x, ${subject}` };
const { kubernetes } = stack;
let fleet: Fleet;
let sink: RevocationFunction;

beforeAll(async () => {
  await createNamespace(kubernetes, sender.namespace, [sender.serviceAccount]);
  fleet = await openFleet();
  sink = await startRevocation(fleet, keys);
});

async function deliver(authorization: string | undefined, to: { readonly url: string } = sink) {
  const [pod] = await fleet.orphans(1);
  if (!pod) throw new Error('no pod was admitted');
  const { status } = await send(to, {
    data: dataOf(pod),
    ...(authorization !== undefined && { authorization }),
  });
  return { status, revoked: !(await fleet.records()).includes(pod.uuid) };
}

const REFUSED = { status: 401, revoked: false };
const DONE = { status: 204, revoked: true };

test('the sender that may send: done', async () => {
  expect(await deliver(`Bearer ${await requestToken(kubernetes, sender, [audience])}`)).toEqual(DONE);
});

const Discovery = v.object({ issuer: v.string() });
const KeySet = v.object({ keys: v.tuple([v.looseObject({ kid: v.string() })]) });

type Claims = { readonly [name in keyof JWTPayload]?: JWTPayload[name] | undefined };

/** A token that the API server itself would sign, with any content. */
async function signed(changes: Claims, wishes: { readonly otherKey?: boolean } = {}): Promise<string> {
  const { issuer } = v.parse(Discovery, await kubernetes.call('GET', '/.well-known/openid-configuration'));
  const [{ kid }] = v.parse(KeySet, await kubernetes.call('GET', '/openid/v1/jwks')).keys;
  const file = join(stack.description.folder, 'kubernetes/sa.key');
  const key = wishes.otherKey
    ? (await generateKeyPair('ES256')).privateKey
    : createPrivateKey(await readFile(file, 'utf8'));
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: issuer, aud: [audience], sub: subject, iat: now, exp: now + 600, ...changes };
  const payload: JWTPayload = JSON.parse(JSON.stringify(claims));
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
}

const seconds = () => Math.floor(Date.now() / 1_000);

describe('refused', () => {
  test('without a token', async () => {
    expect(await deliver(undefined)).toEqual(REFUSED);
  });

  test.each(['Bearer', 'Bearer x', 'Basic dHJpZ2dlcjo=', 'Bearer eyJhbGciOiJub25lIn0.e30.'])(
    'with "%s"',
    async (authorization) => {
      expect(await deliver(authorization)).toEqual(REFUSED);
    },
  );

  test('with a token for another audience', async () => {
    expect(await deliver(`Bearer ${await requestToken(kubernetes, sender, ['vault'])}`)).toEqual(REFUSED);
  });

  test('with the token of another service account', async () => {
    expect(await deliver(`Bearer ${await requestToken(kubernetes, other, [audience])}`)).toEqual(REFUSED);
  });

  const rows: [string, () => Promise<string>][] = [
    ['that has expired', () => signed({ exp: seconds() - 60 })],
    ['that never expires', () => signed({ exp: undefined })],
    ['that is not valid yet', () => signed({ nbf: seconds() + 120 })],
    ['of another issuer', () => signed({ iss: 'https://elsewhere' })],
    ['without a subject', () => signed({ sub: undefined })],
    ['that somebody else signed', () => signed({}, { otherKey: true })],
  ];
  test.each(rows)('with a token %s', async (_, token) => {
    expect(await deliver(`Bearer ${await token()}`)).toEqual(REFUSED);
  });

  test('and said so in the log, without a word of the token', async () => {
    const lines = (await sink.log()).filter(({ msg }) => String(msg).includes('its sender is unknown'));
    expect(new Set(lines.map(({ outcome }) => outcome))).toEqual(
      new Set([
        'no bearer token',
        'another subject',
        'ERR_JWS_INVALID',
        'ERR_JOSE_ALG_NOT_ALLOWED',
        'ERR_JWT_CLAIM_VALIDATION_FAILED',
        'ERR_JWT_EXPIRED',
        'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      ]),
    );
    expect(await readFile(sink.logFile, 'utf8')).not.toMatch(/eyJ/);
  });
});

test('signed as the API server signs, it is taken: so the refusals above are for what they say', async () => {
  expect(await deliver(`Bearer ${await signed({})}`)).toEqual(DONE);
});

test('while the keys of the cluster cannot be read: 503, to be sent again', async () => {
  const { folder } = stack.description.functions;
  const file = join(folder, 'kubeconfig-of-no-keys');
  await replaceFile(file, kubeconfigOf('https://127.0.0.1:1', authority, { tokenFile: file }));
  const lost = await startRevocation(fleet, keys, { KUBECONFIG: file });
  const token = await requestToken(kubernetes, sender, [audience]);
  expect(await deliver(`Bearer ${token}`, lost)).toEqual({ status: 503, revoked: false });
  await lost.stop();
});
