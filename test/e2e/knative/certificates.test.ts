/** Certificates that are replaced while pods are being created: no admission fails. */
import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../../stack/certificates.ts';
import { caBundleOf, pointWebhook } from '../../stack/kubernetes/webhook.ts';
import { until } from '../../stack/wait.ts';
import { podWith, tryCreatePod } from '../support/pods.ts';
import { authority, stack } from '../support/stack.ts';

afterAll(() => stack.restoreWebhook());

/** Pods, one after the other, until told to stop; what became of them. */
function createPodsAllTheTime() {
  let going = true;
  const refusals: string[] = [];
  let admitted = 0;
  const running = Promise.all(
    Array.from({ length: 2 }, async () => {
      while (going) {
        const { pod, refusal } = await tryCreatePod(podWith({ role: 'gule-rw' }));
        if (pod) admitted += 1;
        else refusals.push(refusal);
      }
    }),
  );
  return {
    stop: async () => {
      going = false;
      await running;
      return { admitted, refusals };
    },
    admitted: () => admitted,
  };
}

/** Replaces each file atomically, like the kubelet. */
async function replace({ certFile, keyFile }: { certFile: string; keyFile: string }, pair: KeyPair) {
  for (const [file, content] of [
    [keyFile, pair.key],
    [certFile, pair.certificate],
  ] as const) {
    await writeFile(`${file}.new`, content, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}

/** The serial number of the certificate that is served there. */
function serialAt(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 443), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

interface Door {
  readonly url: string;
  readonly tls: { readonly certFile: string; readonly keyFile: string };
  readonly leaf: (from: Authority) => Promise<KeyPair>;
  /** Has the API server trust these. */
  readonly trust: (certificates: readonly string[]) => Promise<void>;
}

async function rotate({ url, tls, leaf, trust }: Door, first: string): Promise<void> {
  const load = createPodsAllTheTime();
  const someMore = async () => {
    const goal = load.admitted() + 5;
    await until('five more pods are admitted', async () => load.admitted() >= goal);
  };
  const served = async (pair: KeyPair) => {
    const before = await serialAt(url);
    await replace(tls, pair);
    await until('the new certificate is served', async () => (await serialAt(url)) !== before);
    await someMore();
  };
  const [same, other] = [await createAuthority('next'), await createAuthority('the one after')];
  await someMore();
  await trust([first, same.certificate]);
  await served(await leaf(same));
  // The same authority's next leaf: what cert-manager does every two months.
  await served(await leaf(same));
  await trust([same.certificate, other.certificate]);
  await served(await leaf(other));
  await trust([other.certificate]);
  await someMore();
  const { admitted, refusals } = await load.stop();
  expect(refusals).toEqual([]);
  expect(admitted).toBeGreaterThanOrEqual(25);
}

test("the gateway's: leaf and authority", async () => {
  const { kubernetes, functions, admissionUrl = '' } = stack.description;
  const host = 'kourier.kourier-system.svc';
  const file = (name: string) => join(functions.folder, name);
  const [certificate, key] = await Promise.all([
    readFile(file('gateway.crt'), 'utf8'),
    readFile(file('gateway.key'), 'utf8'),
  ]);
  const { webhook } = kubernetes;
  if (webhook === undefined) throw new Error('the stack has no webhook');
  const tls = { certFile: file('gateway.crt'), keyFile: file('gateway.key') };
  const address = new URL(admissionUrl).hostname;
  await rotate(
    {
      url: admissionUrl,
      tls,
      leaf: (from) => from.issue({ commonName: host, hosts: [host], addresses: [address] }),
      trust: (certificates) =>
        pointWebhook(stack.kubernetes, { ...webhook, caBundle: caBundleOf(certificates.join('\n')) }),
    },
    authority,
  );
  await replace(tls, { certificate, key });
  await stack.restoreWebhook();
  await expect
    .poll(async () => (await tryCreatePod(podWith({ role: 'gule-rw' }))).refusal, { timeout: 30_000 })
    .toBeUndefined();
});

test("the function's own, without Knative: leaf and authority", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'own-certificate-'));
  const tls = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  const first = await createAuthority('first');
  await replace(tls, await first.issue({ commonName: 'admission' }));
  const own = await stack.startFunction({
    name: 'admission',
    overrides: tls,
    until: 'spawned',
  });
  await until('it serves', async () => (await serialAt(own.url).catch(() => '')) !== '');
  const trust = (certificates: readonly string[]) =>
    pointWebhook(stack.kubernetes, {
      url: `${own.url}${own.path}`,
      caBundle: caBundleOf(certificates.join('\n')),
    });
  await trust([first.certificate]);
  await rotate(
    { url: own.url, tls, leaf: (from) => from.issue({ commonName: 'admission' }), trust },
    first.certificate,
  );
  await stack.restoreWebhook();
  await own.stop();
});
