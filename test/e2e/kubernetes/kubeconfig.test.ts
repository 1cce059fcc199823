/** The ways to an API server that a kubeconfig may say: each leads there, and none further than it says. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { createKubernetesApi } from '../../../shared/kubernetes/api.ts';
import { stack } from '../support/stack.ts';

const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rm(folder, { recursive: true }));

/** Asks with the administrator's kubeconfig, changed in what it says of the cluster. */
async function ask(changes: Readonly<Record<string, unknown>>): Promise<unknown> {
  const config = parse(await readFile(stack.description.kubernetes.kubeconfig, 'utf8'));
  Object.assign(config.clusters[0].cluster, changes);
  const file = join(folder, 'config');
  await writeFile(file, stringify(config), { mode: 0o600 });
  return askWith(file);
}

const version = expect.objectContaining({ gitVersion: expect.stringMatching(/^v1\./) });
test('by an address that the certificate has', async () => {
  expect(await ask({})).toEqual(version);
});

test('under the name that it says, which the certificate has to have', async () => {
  expect(await ask({ 'tls-server-name': 'localhost' })).toEqual(version);
  const wrong = ask({ 'tls-server-name': 'kubernetes.example.com' });
  await expect(wrong).rejects.toThrow('cannot be reached (ERR_TLS_CERT_ALTNAME_INVALID)');
});

test('unverified only where it says so', async () => {
  const stranger = { 'certificate-authority-data': undefined };
  await expect(ask(stranger)).rejects.toThrow(/cannot be reached \((SELF_SIGNED|UNABLE_TO_)/);
  expect(await ask({ ...stranger, 'insecure-skip-tls-verify': true })).toEqual(version);
});

/** A user whose credentials that command prints. */
async function askThrough(command: string, withinMs = 5_000): Promise<unknown> {
  const config = parse(await readFile(stack.description.kubernetes.kubeconfig, 'utf8'));
  config.users[0].user = {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', command] },
  };
  const file = join(folder, 'config-of-a-plugin');
  await writeFile(file, stringify(config), { mode: 0o600 });
  return askWith(file, withinMs);
}

async function askWith(file: string, withinMs = 5_000): Promise<unknown> {
  using deadline = deadlineIn(withinMs, monotonicClock);
  return await createKubernetesApi(file).send({ method: 'GET', path: '/version', deadline });
}

describe('a kubeconfig of no use is said to be one, at once:', () => {
  test('there is none', async () => {
    await expect(askWith('/nowhere/config')).rejects.toMatchObject({
      message: expect.stringMatching(/^the kubeconfig cannot be used: ENOENT: .*\/nowhere\/config/),
      retryable: false,
    });
  });

  test('it is no YAML, and nothing of it is quoted', async () => {
    const file = join(folder, 'broken');
    await writeFile(file, 'users:\n- user: {token: s3cret\n  x: [');
    const error: unknown = await askWith(file).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/the kubeconfig cannot be used: it is not YAML: /);
    expect(String(error)).not.toContain('s3cret');
  });

  test.each([
    ['its plugin fails', 'echo you have to log in first >&2; exit 1', 'you have to log in first'],
    ['its plugin fails in silence', 'exit 1', 'its plugin failed without a message'],
    ['its plugin answers something else', 'echo s3cret', "its plugin's answer is not JSON"],
  ])('%s', async (_, command, reason) => {
    await expect(askThrough(command)).rejects.toMatchObject({
      message: `the kubeconfig cannot be used: ${reason}`,
      retryable: false,
    });
  });
});

test('a plugin that waits for a person is not waited for beyond the deadline', async () => {
  const since = performance.now();
  await expect(askThrough('exec sleep 5', 500)).rejects.toThrow(
    "the kubeconfig's credentials were not there in time",
  );
  expect(performance.now() - since).toBeLessThan(3_000);
});

test('through a proxy, which sees where to and nothing else', async () => {
  const asked: string[] = [];
  const proxy = createServer().on('connect', (request, client, head) => {
    asked.push(request.url ?? '');
    const { hostname, port } = new URL(stack.description.kubernetes.url);
    const server = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  // Where nobody listens.
  const server = 'https://localhost:1';
  expect(await ask({ server, 'proxy-url': `http://127.0.0.1:${port}` })).toEqual(version);
  expect(asked).toEqual(['localhost:1']);
  proxy.close();
});
