import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { Secret } from '../../../../shared/secret.ts';
import { createAppRoleLogin } from '../../../../shared/vault/approle-login.ts';
import { listenOnLoopback } from '../../../support/loopback.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A stub of a Vault that unwraps once; how its first answer to that ends is the test's. */
async function logInTo(unwrapped: 'lost' | 'refused') {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { url = '' } = request;
    asked.push(url.replace('/v1/', ''));
    if (url.endsWith('/lookup'))
      response.end(JSON.stringify({ data: { creation_path: 'auth/approle/role/orders/secret-id' } }));
    else if (unwrapped === 'lost' && asked.length === 2) response.destroy();
    else response.writeHead(400).end('{"errors":["wrapping token is not valid or does not exist"]}');
  });
  servers.push(server);
  const port = await listenOnLoopback(server);
  const login = createAppRoleLogin({
    address: `http://127.0.0.1:${port}`,
    namespace: undefined,
    ca: undefined,
    localAddress: undefined,
    mount: 'approle',
  });
  using deadline = deadlineIn(5_000, monotonicClock);
  const error: unknown = await login
    .logIn(new Secret('wrapping'), 'role-id', { deadline, vaultCalls: 0 })
    .catch((thrown: unknown) => thrown)
    .finally(login.close);
  return { error, asked };
}
const IN_ORDER = ['sys/wrapping/lookup', 'sys/wrapping/unwrap'];

test('an unwrapping whose answer is lost is not tried again, and is no sign of a thief', async () => {
  const { error, asked } = await logInTo('lost');
  expect(asked).toEqual(IN_ORDER);
  expect(error).toMatchObject({ code: 'vault_unreachable' });
  expect(String(error)).not.toContain('somebody');
});

test('one that Vault refuses at once is', async () => {
  const { error, asked } = await logInTo('refused');
  expect(asked).toEqual(IN_ORDER);
  expect(String(error)).toContain('somebody else has unwrapped it');
});
