import { expect, test } from 'vitest';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { Secret } from '../../../../shared/secret.ts';
import { createGrants } from '../../../../shared/vault/grants.ts';
import { beginWork } from '../../../../shared/vault/requests.ts';

/** Credentials as Vault would answer: no database engine of the tests issues keys or certificates. */
async function issue(data: object) {
  using deadline = deadlineIn(1_000, monotonicClock);
  const answer = { request_id: 'r', lease_id: 'databases/creds/rw/1', lease_duration: 60, data };
  const grants = createGrants({ send: () => Promise.reject() }, { send: async () => answer });
  const from = { mount: 'databases', role: 'rw' };
  return await grants.issue(from, new Secret('token'), beginWork(deadline), () => {});
}

test('credentials are a user and a password', async () => {
  expect(await issue({ username: 'u', password: 'p' })).toMatchObject({ userName: 'u', leaseTtlSeconds: 60 });
});

test.each([
  ['an RSA key', { username: 'u', rsa_private_key: 'planted' }, 'rsa_private_key'],
  [
    'a certificate',
    { username: 'u', client_certificate: 'planted', private_key: 'planted' },
    'client_certificate',
  ],
])('%s instead is refused, with the reason, and is not quoted', async (_, data, kind) => {
  await expect(issue(data)).rejects.toMatchObject({
    code: 'vault_rejected',
    message: `role "rw" at "databases" gives no password, but a ${kind}: expected a role with credential_type "password"`,
  });
});

test('anything else is not an answer', async () => {
  await expect(issue({ username: 'u' })).rejects.toMatchObject({ code: 'vault_answer_invalid' });
});
