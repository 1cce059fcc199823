/**
 * Who learns the webhook's path from the API server: if it gets no answer, it shows the whole URL to the pod's
 * creator, and in its log. So the path's secret has to be rotated after that; the function itself never reveals it.
 */
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { afterEach, describe, expect, test } from 'vitest';
import { createAuthority } from '../../stack/certificates.ts';
import { caBundleOf, pointWebhook } from '../../stack/kubernetes/webhook.ts';
import { freePort } from '../../stack/process/ports.ts';
import { kubectl } from '../support/kubectl.ts';
import { podWith, tryCreatePod } from '../support/pods.ts';
import { admission, exampleNamespace, stack } from '../support/stack.ts';

const TOLD = `${admission.path}?timeout=`;
let server: Server | undefined;

async function setTimeoutSeconds(timeoutSeconds: number): Promise<void> {
  const patch = [{ op: 'replace', path: '/webhooks/0/timeoutSeconds', value: timeoutSeconds }];
  const args = ['patch', 'mutatingwebhookconfiguration', 'vault-db-injector', '--type=json'];
  const { ok, output } = await kubectl([...args, `--patch=${JSON.stringify(patch)}`]);
  expect(ok, output).toBe(true);
}

afterEach(async () => {
  await setTimeoutSeconds(15);
  await stack.restoreWebhook();
  server?.close().closeAllConnections();
  server = undefined;
});

/** Has the API server ask somebody else in the function's place. */
async function askInstead(listener: RequestListener, trusted = true): Promise<void> {
  const [own, another] = await Promise.all([createAuthority('own'), createAuthority('another')]);
  const { certificate: cert, key } = await own.issue({ commonName: 'admission' });
  const started = createServer({ cert, key }, listener);
  server = started;
  const port = await freePort();
  await new Promise<void>((resolve) => started.listen(port, '127.0.0.1', resolve));
  await setTimeoutSeconds(1);
  const { certificate } = trusted ? own : another;
  const url = `https://127.0.0.1:${port}${admission.path}`;
  await pointWebhook(stack.kubernetes, { url, caBundle: caBundleOf(certificate) });
}

async function refusal(): Promise<string> {
  return (await tryCreatePod(podWith({ role: 'gule-rw' }))).refusal ?? 'it is created';
}

describe('the author of a pod is told the secret', () => {
  test.each<[string, () => Promise<void>, string | RegExp]>([
    [
      'where nobody listens at the address',
      () => stack.pointWebhook('https://127.0.0.1:1'),
      'connection refused',
    ],
    ['where no answer comes in time', () => askInstead(() => {}), 'context deadline exceeded'],
    [
      'where the connection breaks',
      () => askInstead((incoming) => incoming.socket.destroy()),
      /EOF|reset by peer/,
    ],
    [
      'where the certificate is not trusted',
      () => askInstead(() => {}, false),
      'failed to verify certificate',
    ],
  ])('%s', async (_, prepare, reason) => {
    await prepare();
    const said = await refusal();
    expect(said).toMatch(reason);
    // Not what was said: it would stand in the test's report.
    expect(said.includes(TOLD)).toBe(true);
  });

  test('and so is whoever reads the log of the API server', async () => {
    const log = stack.description.parts.find(({ name }) => name === 'kube-apiserver')?.logFile ?? '';
    expect((await readFile(log, 'utf8')).includes(TOLD)).toBe(true);
  });
});

/** The webhook's address in another form, as anybody may write it. */
function patchClientConfig(clientConfig: object) {
  const patch = [{ op: 'replace', path: '/webhooks/0/clientConfig', value: clientConfig }];
  const args = ['patch', 'mutatingwebhookconfiguration', 'vault-db-injector', '--type=json'];
  return kubectl([...args, `--patch=${JSON.stringify(patch)}`]);
}

describe('no other form of its address hides a secret', () => {
  const secret = admission.path.slice(1);

  test('not a host, which is told with the rest', async () => {
    await setTimeoutSeconds(1);
    // A name has at most 63 characters between two dots.
    const host = `${secret.slice(0, 32)}.invalid`;
    expect((await patchClientConfig({ url: `https://${host}/` })).ok).toBe(true);
    await expect.poll(async () => (await refusal()).includes(host)).toBe(true);
  });

  test('not the path of a Service', async () => {
    await setTimeoutSeconds(1);
    const service = { namespace: exampleNamespace, name: 'nobody', port: 443, path: admission.path };
    const metadata = { namespace: exampleNamespace, name: 'nobody' };
    await stack.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { ports: [{ port: 443 }] },
    });
    expect((await patchClientConfig({ service })).ok).toBe(true);
    await expect
      .poll(async () => (await refusal()).includes(`https://nobody.${exampleNamespace}.svc:443${TOLD}`))
      .toBe(true);
  });

  test.each([
    ['user and password', `https://user:${secret}@127.0.0.1:1/`, 'user information is not permitted'],
    ['a query', `https://127.0.0.1:1/?${secret}`, 'query'],
    ['a fragment', `https://127.0.0.1:1/#${secret}`, 'fragment'],
  ])('%s are not allowed in it', async (_, url, reason) => {
    const { ok, output } = await patchClientConfig({ url });
    expect([ok, output.includes(reason)]).toEqual([false, true]);
  });
});

describe('the author of a pod is not told the secret', () => {
  test('where no instance of the function can be started, and the gateway says so', async () => {
    await stack.control.suspend('admission');
    const said = await refusal();
    await stack.control.resume('admission');
    expect(said).toContain('unable to handle the request');
    expect(said.includes(admission.path)).toBe(false);
  });

  test.each([
    [404, 'there is nothing at this path', 'could not find the requested resource'],
    [500, 'no', 'an error on the server ("no")'],
    [503, 'no', 'unable to handle the request'],
    [504, 'request timeout', 'unable to return a response in the time allotted'],
    [413, 'the body is too large', 'status code 413'],
    [200, 'no review', "couldn't get version/kind"],
  ])('where the answer is %d', async (status, body, reason) => {
    await askInstead((_, outgoing) => outgoing.writeHead(status).end(body));
    const said = await refusal();
    expect(said).toMatch(reason);
    expect(said.includes(admission.path)).toBe(false);
  });

  test('where the function denies the pod', async () => {
    const { refusal: said = '' } = await tryCreatePod(podWith({ role: 'nobody-knows-it' }));
    expect(said).toContain('denied the request');
    expect(said.includes(admission.path)).toBe(false);
  });
});

test("functions, gateway, events and the API server's metrics never show it", async () => {
  const logs = stack.description.parts.filter(({ name }) => name !== 'kube-apiserver');
  const texts = await Promise.all(logs.map(({ logFile }) => readFile(logFile, 'utf8').catch(() => '')));
  const [events, metrics] = await Promise.all(
    ['/api/v1/events', '/metrics'].map((path) => stack.kubernetes.ask('GET', path)),
  );
  const shown = [...texts, events?.body, metrics?.body].filter((text) => text?.includes(admission.path));
  expect(shown).toHaveLength(0);
});
