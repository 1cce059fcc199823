/**
 * An admission function behind a cluster of a test's own: it is the pod that the installation asks for, and the test is
 * its kubelet, which hands it the Secret with the webhook's path.
 */
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { injectorRole } from '../../stack/vault/names.ts';
import { until } from '../../stack/wait.ts';
import type { BareCluster } from './bare-cluster.ts';
import { post } from './reviews.ts';
import { stack } from './stack.ts';

const Secret = v.object({ data: v.record(v.string(), v.string()) });
const PATH = '/api/v1/namespaces/vault-injector/secrets/webhook-path';
const NOBODYS = '0'.repeat(64);

/** @param prefix its place in the ledger. */
export async function startInstalledFunction({ admin, kubeconfig }: BareCluster, prefix: string) {
  const newFolder = (name: string) => mkdtemp(join(stack.description.functions.folder, name));
  const [folder, staging] = [await newFolder('webhook-path-'), await newFolder('webhook-path-new-')];
  await writeFile(join(folder, 'current'), NOBODYS, { mode: 0o600 });
  // The manifests' own role in Vault may not go beyond the stack's prefix; the reference's knows no accessors.
  const keys = {
    vaultSecretPrefix: prefix,
    kubeRole: injectorRole,
    tokenReference: 'token',
    injectorLabel: 'vault-db-injector',
  };
  const overrides = { ...keys, webhookPathSecretFolder: folder };
  // Its pods' Secrets are made in that cluster.
  const env = { KUBECONFIG: kubeconfig };
  const part = await stack.startFunction({ name: 'admission', overrides, env });

  /** Whether the function, asked by that path, is there. */
  const accepts = async (path: string) => (await post({ ...part, path }, '{}')).status !== 404;

  async function mount(): Promise<void> {
    await until('the Secret is there', async () => (await admin.ask('GET', PATH)).status === 200);
    const { data } = v.parse(Secret, await admin.call('GET', PATH));
    for (const [key, value] of Object.entries(data)) {
      // Replaced atomically: the function may be reading.
      await writeFile(join(staging, key), Buffer.from(value, 'base64'), { mode: 0o600 });
      await rename(join(staging, key), join(folder, key));
    }
    const old = (await readdir(folder)).filter((name) => !(name in data));
    await Promise.all(old.map((name) => rm(join(folder, name))));
    const paths = Object.values(data).map((value) => `/${Buffer.from(value, 'base64').toString()}`);
    await until('the function has read the Secret', async () =>
      (await Promise.all(paths.map(accepts))).every((accepted) => accepted),
    );
  }
  let mounting = Promise.resolve();

  return {
    ...part,
    keys,
    accepts,
    /** The API server's way to it. */
    way: ['--ingress', 'none', '--webhook-url', part.url, '--webhook-ca', stack.description.functions.caFile],
    /**
     * Acts like a kubelet when a pod starts, and some time after a Secret has changed; resolves when the function
     * uses it, which one that has just started does at once.
     */
    mountSecret(): Promise<void> {
      mounting = mounting.then(mount);
      return mounting;
    },
  };
}
