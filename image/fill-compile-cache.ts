/**
 * Starts each function and job once, as its container does, so that Node's compile cache (NODE_COMPILE_CACHE) holds
 * their modules; used when the image is built. Node, flags, paths and user must be the container's, since the cache
 * is of no use to any other.
 *
 * node image/fill-compile-cache.ts <program of Node> <folder of the cache>
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startVaultStub } from './vault-stub.ts';

const ofFunction = ['--max-semi-space-size=2', '--max-old-space-size=128'];
const ofJob = ['--max-semi-space-size=2'];

/** Node's flags in the containers, from the manifests. */
export const containerArguments: readonly (readonly string[])[] = [
  [...ofFunction, 'admission.cjs'],
  [...ofFunction, 'revocation.cjs'],
  [...ofFunction, 'dead-letters.cjs'],
  [...ofFunction, 'approle.cjs'],
  [...ofJob, 'renewal.cjs'],
  [...ofJob, 'replay.cjs'],
];

/** The review of a pod with one database, as the API server sends it. */
const REVIEW = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'compile-cache',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    operation: 'CREATE',
    namespace: 'team',
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'compile-cache',
        labels: { 'vault-db-injector': 'true' },
        annotations: { 'db-creds-injector.numberly.io/app.role': 'gule-rw' },
      },
      spec: {
        serviceAccountName: 'app',
        containers: [{ name: 'app', image: 'app', env: [{ name: 'TZ', value: 'UTC' }] }],
      },
    },
    dryRun: false,
  },
});

const ASK_WITHIN_MS = 5_000;
const END_WITHIN_MS = 60_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** Any answer will do: the modules are loaded then. */
async function ask(port: number): Promise<void> {
  const until = performance.now() + ASK_WITHIN_MS;
  while (performance.now() < until) {
    const request = { method: 'POST', body: REVIEW };
    const signal = AbortSignal.timeout(ASK_WITHIN_MS);
    const answer = await fetch(`http://127.0.0.1:${port}/?timeout=5s`, { ...request, signal }).catch(
      () => undefined,
    );
    if (answer) return;
    await sleep(20);
  }
}

/** @param folder of the bundles. */
export async function fillCompileCache(node: string, folder: string, cache: string): Promise<void> {
  const own = await mkdtemp(join(tmpdir(), 'compile-cache-'));
  const [vault, port] = [await startVaultStub(), await freePort()];
  try {
    await writeFile(join(own, 'token'), 'none');
    const environment = {
      NODE_COMPILE_CACHE: cache,
      PORT: String(port),
      INJECTOR_VAULT_ADDRESS: vault.address,
      INJECTOR_VAULT_AUTH_PATH: 'kubernetes',
      INJECTOR_VAULT_SECRET_NAME: 'ledger',
      INJECTOR_VAULT_SECRET_PREFIX: 'cluster',
      INJECTOR_KUBE_ROLE: 'any',
      INJECTOR_SERVICE_ACCOUNT_TOKEN_FILE: join(own, 'token'),
      INJECTOR_ALLOW_UNAUTHENTICATED_ADMISSION: 'true',
      INJECTOR_LISTEN_ADDRESS: '127.0.0.1',
      INJECTOR_REPLAY_SINK: vault.address,
    };
    for (const args of containerArguments) {
      const child = spawn(node, args, { cwd: folder, env: environment, stdio: 'ignore' });
      const exited = once(child, 'exit');
      await Promise.race([ask(port), exited]);
      // A clean exit writes the cache.
      child.kill('SIGTERM');
      const ended = await Promise.race([exited, sleep(END_WITHIN_MS, undefined, { ref: false })]);
      if (ended === undefined) {
        child.kill('SIGKILL');
        throw new Error(`${args.at(-1)} did not end within ${END_WITHIN_MS / 1_000} s of SIGTERM`);
      }
    }
  } finally {
    vault.close();
    await rm(own, { recursive: true });
  }
}

const [, , node, cache] = process.argv;
if (import.meta.main && node !== undefined && cache !== undefined)
  await fillCompileCache(node, process.cwd(), cache);
