/** The init program by itself: what it takes, what it refuses, and how it ends. */
import { chmod, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import {
  addAppRoleOf,
  credentialsIn,
  newAddress,
  postTo,
  startInitContainer,
  wrapped,
} from '../support/approles.ts';
import { authority, openBao, stack } from '../support/stack.ts';

const SECRET_ID = 'auth/approle/role/init-app/secret-id';
let roleId: string;
beforeAll(async () => {
  roleId = (await addAppRoleOf('init-app')).roleId;
});

const start = async (env: Readonly<Record<string, string>> = {}) => {
  const address = newAddress();
  return { ...(await startInitContainer({ address, name: 'init-app' }, roleId, env)), address };
};

test('what is no good is answered with the reason, and waiting goes on', async () => {
  const init = await start();
  const good = await wrapped(SECRET_ID);
  const refused: readonly (readonly [unknown, number, RegExp])[] = [
    ['', 400, /not JSON/],
    ['[]', 400, /wrong or missing: token, creationTime, ttl, vaultAddr/],
    [{ ...good, token: '' }, 400, /wrong or missing: token$/m],
    [{ ...good, token: 'a b' }, 400, /wrong or missing: token$/m],
    [{ ...good, vaultAddr: 'ldap://vault' }, 400, /wrong or missing: vaultAddr/],
    [{ ...good, vaultCAs: '*' }, 400, /wrong or missing: vaultCAs/],
    [{ ...good, creationTime: 'now' }, 400, /wrong or missing: creationTime/],
    ['x'.repeat(1024 * 1024 + 1), 413, /too large/],
  ];
  for (const [body, status, reason] of refused) {
    expect(await postTo(init.address, body)).toEqual({ status, body: expect.stringMatching(reason) });
  }
  expect((await postTo(init.address, good, { path: '/other' })).status).toBe(404);
  expect((await postTo(init.address, '', { method: 'PUT' })).status).toBe(405);
  expect(init.runs()).toBe(true);

  // The post of the reference's service if Vault's CA is public.
  expect((await postTo(init.address, { ...good, vaultCAs: null })).status).toBe(200);
  expect(await init.exited).toBe(0);
  expect(await init.log()).not.toContain(good.token);
});

test.each([
  ['years ahead', '2020-01-01T00:00:00Z'],
  ['years behind', '2090-01-01T00:00:00Z'],
])('a pod whose clock is %s of Vault gets its token all the same', async (_, creationTime) => {
  const init = await start();
  const post = await wrapped(SECRET_ID);
  expect((await postTo(init.address, { ...post, creationTime })).status).toBe(200);
  expect(await init.exited).toBe(0);
});

test('of several posts one is taken', async () => {
  const init = await start();
  const posts = await Promise.all(Array.from({ length: 6 }, () => wrapped(SECRET_ID)));
  const answers = await Promise.allSettled(posts.map((post) => postTo(init.address, post)));
  const statuses = answers.map((one) => (one.status === 'fulfilled' ? one.value.status : 'gone'));
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => ![200, 409, 'gone'].includes(status))).toEqual([]);
  expect(await init.exited).toBe(0);
});

describe('an attacker', () => {
  const loud = async (post: object, env?: Readonly<Record<string, string>>) => {
    const init = await start(env);
    expect((await postTo(init.address, post)).status).toBe(200);
    expect(await init.exited).toBe(1);
    await expect(credentialsIn(init.folder)).rejects.toThrow('ENOENT');
    return init.log();
  };

  test('who has unwrapped the secret_id before is found out', async () => {
    const post = await wrapped(SECRET_ID);
    await stack.vault.call('POST', 'sys/wrapping/unwrap', { token: post.token });
    expect(await loud(post)).toContain('somebody else has unwrapped it');
  });

  test('who has unwrapped it and wrapped it again, by a path of his own, is found out', async () => {
    const post = await wrapped('sys/wrapping/wrap', { secret_id: 'stolen' });
    expect(await loud(post)).toContain('was not made for a secret_id');
  });

  test('who has an AppRole mount of his own, or a role, gets nobody logged in by it', async () => {
    await stack.vault.call('POST', 'sys/auth/hostile', { type: 'approle' });
    await stack.vault.call('POST', 'auth/hostile/role/init-app', { role_id: roleId });
    const elsewhere = await wrapped('auth/hostile/role/init-app/secret-id');
    expect(await loud(elsewhere)).toContain('was not made for a secret_id (auth/approle/');
    await addAppRoleOf('hostile-app');
    const others = await wrapped('auth/approle/role/hostile-app/secret-id');
    expect(await loud(others)).toContain('would not let the pod log in with its AppRole');
  });

  test('who names a Vault of his own is refused, where the pod knows its own', async () => {
    const init = await start({ VAULT_ADDR: openBao.address });
    const post = await wrapped(SECRET_ID);
    const his = await postTo(init.address, { ...post, vaultAddr: 'https://vault.evil.example' });
    expect(his).toEqual({ status: 400, body: expect.stringContaining('which is not VAULT_ADDR') });
    expect((await postTo(init.address, { ...post, vaultAddr: `${openBao.address}/` })).status).toBe(200);
    expect(await init.exited).toBe(0);
  });
});

describe('the files', () => {
  test('go where they are told to, those of an earlier run are replaced, and the authorities are among them', async () => {
    const folder = await mkdtemp(join(stack.description.functions.folder, 'credentials-'));
    const tokenFile = join(folder, 'deeper/token');
    await mkdir(join(folder, 'deeper'));
    await writeFile(tokenFile, 'old');
    await chmod(tokenFile, 0o444);
    const init = await start({ TOKEN_PATH: tokenFile, CREDENTIALS_PATH: folder });
    const vaultCAs = Buffer.from(authority).toString('base64');
    await postTo(init.address, { ...(await wrapped(SECRET_ID)), vaultCAs });
    expect(await init.exited).toBe(0);
    expect(JSON.parse(await readFile(tokenFile, 'utf8'))).toHaveProperty('clientToken');
    expect(await readFile(join(folder, 'ca.crt'), 'utf8')).toBe(authority);
    for (const file of [tokenFile, join(folder, 'ca.crt')])
      expect((await stat(file)).mode & 0o777).toBe(0o444);
  });
});

describe('it ends with 1 and says why', () => {
  const run = (env: Readonly<Record<string, string>>) =>
    execa(nodeProgram, [join(projectRoot, 'dist/approle-init.mjs')], {
      env: { LISTEN_ADDRESS: newAddress(), ...env },
      extendEnv: false,
      reject: false,
      all: true,
    });

  test.each([
    [{}, 'VAULT_ROLE_ID: is missing'],
    [{ VAULT_ROLE_ID: 'x', TIMEOUT: 'soon', LOG_LEVEL: 'loud' }, 'TIMEOUT: expected a duration'],
    [{ VAULT_ROLE_ID: 'x', CREDENTIALS_PATH: '/etc/hosts/none' }, '/etc/hosts/none cannot be written'],
    [{ VAULT_ROLE_ID: 'x', CREDENTIALS_PATH: '/tmp', TIMEOUT: '1s' }, 'no secret_id has come within 1 s'],
    [
      { VAULT_ROLE_ID: 'x', CREDENTIALS_PATH: '/tmp', LISTEN_ADDRESS: '192.0.2.1' },
      'cannot listen at port 50000',
    ],
  ])('%o', async (env, reason) => {
    const { exitCode, all } = await run(env);
    expect([exitCode, all]).toEqual([1, expect.stringContaining(reason)]);
  });

  test('when it is told to end', async () => {
    const init = await start();
    init.kill('SIGTERM');
    expect(await init.exited).toBe(1);
    expect(await init.log()).toContain('told to end (SIGTERM)');
  });

  test('when Vault is not there', async () => {
    const init = await start();
    const post = { ...(await wrapped(SECRET_ID)), vaultAddr: 'https://127.0.0.1:1' };
    expect((await postTo(init.address, post)).status).toBe(200);
    expect(await init.exited).toBe(1);
    expect(await init.log()).toContain('Vault cannot be reached');
  });
});
