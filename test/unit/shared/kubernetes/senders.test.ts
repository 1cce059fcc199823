import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createSenders } from '../../../../shared/kubernetes/senders.ts';

const issuer = 'https://kubernetes.default.svc';
const audience = 'vault-db-injector-revocation';
const subject = 'system:serviceaccount:vault-injector:trigger';
const HOUR = 3_600_000;
const deadline = deadlineIn(60_000, () => 0);

interface Key {
  readonly publicKey: JWK;
  /** A token that the API server would have signed with it, but for these claims. */
  sign(claims?: JWTPayload): Promise<string>;
  /** One with these claims and no others. */
  signed(claims: JWTPayload): Promise<string>;
}

async function newKey(kid: string, alg = 'ES256'): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const signed = async (claims: JWTPayload) =>
    `Bearer ${await new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey)}`;
  return {
    publicKey: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    signed,
    sign(claims = {}) {
      const now = Math.floor(Date.now() / 1_000);
      return signed({ iss: issuer, aud: [audience], sub: subject, iat: now, exp: now + 600, ...claims });
    },
  };
}

let first: Key;
let second: Key;
let rsa: Key;
let now = 0;

beforeAll(async () => {
  [first, second, rsa] = await Promise.all([newKey('first'), newKey('second'), newKey('rsa', 'RS256')]);
});
beforeEach(() => {
  now = 5_000_000;
});

const away = () => new KubernetesError('kubernetes_unavailable', 'away', 503);

/** An API server that publishes its keys, and nothing else. */
function cluster(...published: readonly Key[]) {
  const readings = { discovery: 0, keys: 0 };
  const state: { keys: readonly Key[]; failure: Error | undefined; answer: unknown } = {
    keys: published,
    failure: undefined,
    answer: undefined,
  };
  const answers = new Map([
    [
      'GET /.well-known/openid-configuration application/json',
      () => {
        readings.discovery += 1;
        return { issuer, jwks_uri: `${issuer}/openid/v1/jwks` };
      },
    ],
    [
      'GET /openid/v1/jwks application/jwk-set+json',
      () => {
        readings.keys += 1;
        if (state.failure) throw state.failure;
        return state.answer ?? { keys: state.keys.map(({ publicKey }) => publicKey) };
      },
    ],
  ]);
  const api = {
    async send({ method, path, accept = '' }: { method: string; path: string; accept?: string }) {
      const answer = answers.get(`${method} ${path} ${accept}`);
      if (!answer) throw new Error(`nobody expected ${method} ${path} as ${accept}`);
      return answer();
    },
  };
  const senders = createSenders(
    api,
    { audience, subjects: ['system:serviceaccount:a:b', subject] },
    () => now,
  );
  const check = (authorization: string | undefined) => senders.check(authorization, deadline);
  return { state, check, read: () => [readings.discovery, readings.keys] };
}

const accepted = undefined;
const unknown = { code: 'sender_unknown', message: 'the sender of the event is not one that may send it' };

describe('a token of a sender that may send', () => {
  test.each(['ES256', 'ES384', 'RS256', 'RS512'])('is taken, signed with %s', async (alg) => {
    const key = await newKey('only', alg);
    await expect(cluster(key).check(await key.sign())).resolves.toBe(accepted);
  });

  test('is taken, whichever of several keys signed it', async () => {
    const { check, read } = cluster(first, rsa);
    for (const key of [rsa, first]) await check(await key.sign());
    expect(read()).toEqual([1, 1]);
  });

  test('is taken with the scheme in any case', async () => {
    const { check } = cluster(first);
    await check((await first.sign()).replace('Bearer', 'bearer'));
  });
});

describe('refused without a look at the keys', () => {
  test.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic dHJpZ2dlcjo=',
    'Bearer a b',
    'x Bearer a',
    'Bearer a\nb',
  ])('%j', async (authorization) => {
    const { check, read } = cluster(first);
    await expect(check(authorization)).rejects.toMatchObject(unknown);
    expect(read()).toEqual([0, 0]);
  });
});

describe('refused', () => {
  const seconds = () => Math.floor(Date.now() / 1_000);
  test.each<[string, () => JWTPayload]>([
    ['another audience', () => ({ aud: ['vault'] })],
    ['another issuer', () => ({ iss: 'https://elsewhere' })],
    ['another subject', () => ({ sub: 'system:serviceaccount:team:default' })],
    ['a subject that begins like one that may', () => ({ sub: `${subject}-2` })],
    ['one that has expired', () => ({ exp: seconds() - 60 })],
    ['one that is not valid yet', () => ({ nbf: seconds() + 60 })],
  ])('%s', async (_, claims) => {
    await expect(cluster(first).check(await first.sign(claims()))).rejects.toMatchObject(unknown);
  });

  test('a token that somebody else signed under the name of a known key', async () => {
    const forger = await newKey('first');
    await expect(cluster(first).check(await forger.sign())).rejects.toMatchObject(unknown);
  });

  test.each(['none', 'HS256'])(
    'a token of algorithm "%s", which API servers do not sign with',
    async (alg) => {
      const header = Buffer.from(JSON.stringify({ alg, kid: 'first' })).toString('base64url');
      const [, payload = ''] = (await first.sign()).split('.');
      const { check } = cluster(first);
      await expect(check(`Bearer ${header}.${payload}.AAAA`)).rejects.toMatchObject(unknown);
    },
  );

  test('a token that never expires', async () => {
    const token = await first.signed({ iss: issuer, aud: audience, sub: subject });
    await expect(cluster(first).check(token)).rejects.toMatchObject(unknown);
  });

  test('a token of a known key, signed in a way that API servers do not sign', async () => {
    const key = await newKey('pss', 'PS256');
    await expect(cluster(key).check(await key.sign())).rejects.toMatchObject(unknown);
  });

  test('and the message says nothing of the token', async () => {
    const refusal: unknown = await cluster(first)
      .check(await first.sign({ sub: 'planted' }))
      .catch((error: unknown) => error);
    expect(String(refusal)).not.toMatch(/planted|eyJ/);
  });
});

describe('the keys', () => {
  test('are read once for senders that come together, and not again for those that come later', async () => {
    const { check, read } = cluster(first);
    const token = await first.sign();
    await Promise.all(Array.from({ length: 30 }, () => check(token)));
    now += HOUR - 1;
    await check(token);
    expect(read()).toEqual([1, 1]);
  });

  test('are read again for a token of a key that is not among them, but once in ten seconds', async () => {
    const { check, read } = cluster(first);
    const [good, strange] = [await first.sign(), await second.sign()];
    await check(good);
    await expect(check(strange)).rejects.toMatchObject(unknown);
    now += 10_000;
    await expect(check(strange)).rejects.toMatchObject(unknown);
    expect(read()).toEqual([1, 1]);
    now += 1;
    const burst = await Promise.allSettled(Array.from({ length: 10 }, () => check(strange)));
    expect(burst).toMatchObject(Array(10).fill({ status: 'rejected', reason: unknown }));
    expect(read()).toEqual([2, 2]);
    now += 10_000;
    await expect(check(strange)).rejects.toMatchObject(unknown);
    expect(read()).toEqual([2, 2]);
    await check(good);
  });

  test('that took the place of others are accepted as soon as they are read', async () => {
    const { state, check, read } = cluster(first);
    await check(await first.sign());
    state.keys = [first, second];
    now += 10_001;
    await check(await second.sign());
    await check(await first.sign());
    expect(read()).toEqual([2, 2]);
  });

  test('that the cluster has given up are good for an hour, and no longer', async () => {
    const { state, check } = cluster(first);
    const token = await first.sign();
    await check(token);
    state.keys = [second];
    now += HOUR - 1;
    await check(token);
    now += 1;
    await expect(check(token)).rejects.toMatchObject(unknown);
  });

  test('that could not be read are read for the next sender', async () => {
    const { state, check, read } = cluster(first);
    const token = await first.sign();
    state.failure = away();
    const together = await Promise.allSettled([check(token), check(token)]);
    expect(together).toMatchObject(Array(2).fill({ reason: { code: 'kubernetes_unavailable' } }));
    state.failure = undefined;
    await check(token);
    expect(read()).toEqual([2, 2]);
  });

  test('that could not be read again are no reason to call a sender unknown, nor to forget those held', async () => {
    const { state, check } = cluster(first);
    await check(await first.sign());
    state.failure = away();
    now += 10_001;
    await expect(check(await second.sign())).rejects.toMatchObject({ code: 'kubernetes_unavailable' });
    await check(await first.sign());
  });

  test.each([{}, { keys: 'none' }, { keys: [{ kid: 'first' }] }])('are not %j', async (answer) => {
    const { state, check } = cluster(first);
    state.answer = answer;
    await expect(check(await first.sign())).rejects.toMatchObject({
      code: 'kubernetes_unavailable',
      message: "the API server's answer is not what its API promises",
    });
  });
});
