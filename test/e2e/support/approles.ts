/** Pods that ask for an AppRole's token, with this file as their kubelet, and the functions that hand it to them. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll } from 'vitest';
import type { FunctionOptions } from '../../stack/function.ts';
import { request } from '../../stack/http.ts';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import type { Part } from '../../stack/process/launch.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { addPolicy } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { parseMetrics } from './metrics.ts';
import { container, createPod, podWith } from './pods.ts';
import { send } from './revoking.ts';
import { exampleNamespace, stack } from './stack.ts';

const processes = createProcesses();
afterAll(() => processes.stop());

const RoleId = v.object({ data: v.object({ role_id: v.string() }) });
const StoredPod = v.looseObject({ metadata: v.looseObject({ name: v.string(), namespace: v.string() }) });

/** An AppRole whose tokens may read one secret, and its role_id. */
export async function addAppRoleOf(name: string, more: object = {}) {
  await addPolicy(stack.vault, name, `path "auth/approle/role/${name}/role-id" { capabilities = ["read"] }`);
  const path = `auth/approle/role/${name}`;
  await stack.vault.call('POST', path, { token_policies: [name], token_ttl: '10m', ...more });
  const { data } = v.parse(RoleId, await stack.vault.call('GET', `${path}/role-id`));
  return { name, roleId: data.role_id };
}

let addresses = 0;
/** A loopback address of its own: that of a pod. */
export function newAddress(): string {
  addresses += 1;
  return `127.${10 + (process.pid % 200)}.${addresses >> 8}.${addresses & 255 || 1}`;
}

export interface PodWishes {
  readonly role: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly address?: string;
  readonly hostNetwork?: boolean;
  /** What the annotation names. */
  readonly initContainer?: string;
}

/** What a kubelet says of the pod. */
interface Word {
  readonly state: 'waiting' | 'running' | 'terminated';
  readonly restartCount?: number;
  readonly hostIP?: string;
  readonly podIP?: string;
}

const STATES = {
  waiting: { waiting: { reason: 'PodInitializing' } },
  running: { running: { startedAt: '2026-01-01T00:00:00Z' } },
  terminated: { terminated: { exitCode: 0 } },
};

export type AppRolePod = Awaited<ReturnType<typeof createAppRolePod>>;

/** The pod as its author writes it; stored, and unknown to any kubelet. */
export async function createAppRolePod(wishes: PodWishes) {
  const { role, namespace = exampleNamespace, address = newAddress(), initContainer = 'install' } = wishes;
  const { serviceAccount, hostNetwork } = wishes;
  const manifest = podWith(
    {},
    {
      namespace,
      labels: {},
      initContainers: [container('install')],
      ...(serviceAccount !== undefined && { serviceAccount }),
    },
  );
  const annotations = {
    'pod.boostport.com/vault-approle': role,
    'pod.boostport.com/vault-init-container': initContainer,
  };
  const spec = { ...manifest.spec, ...(hostNetwork && { hostNetwork }) };
  const { metadata } = await createPod({
    ...manifest,
    metadata: { ...manifest.metadata, annotations },
    spec,
  });
  const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}`;

  return {
    name: metadata.name,
    namespace,
    address,
    /** Status as its kubelet writes it. */
    async says({ state, restartCount = 0, hostIP = '192.0.2.1', podIP = address }: Word): Promise<void> {
      const stored = v.parse(StoredPod, await stack.kubernetes.call('GET', path));
      const one = { name: 'install', image: 'i', imageID: 'i', ready: false, restartCount };
      const status = {
        phase: 'Pending',
        hostIP,
        hostIPs: [{ ip: hostIP }],
        podIP,
        podIPs: [{ ip: podIP }],
        initContainerStatuses: [
          { ...one, containerID: `containerd://${metadata.name}-${restartCount}`, state: STATES[state] },
        ],
      };
      await stack.kubernetes.call('PUT', `${path}/status`, { ...stored, status });
    },
    remove: () => stack.kubernetes.call('DELETE', `${path}?gracePeriodSeconds=0`),
  };
}

/** The real init program, as a process that has the pod's address. */
export async function startInitContainer(
  { address, name }: Pick<AppRolePod, 'address' | 'name'>,
  roleId: string,
  env: Readonly<Record<string, string>> = {},
) {
  const folder = await mkdtemp(join(stack.description.functions.folder, `${name}-`));
  const logFile = join(folder, 'init.log');
  const log = () => readFile(logFile, 'utf8');
  const part: Part = await processes.start('function', {
    name: `init of ${name} ${randomUUID()}`,
    command: nodeProgram,
    args: [join(projectRoot, 'dist/approle-init.mjs')],
    env: {
      VAULT_ROLE_ID: roleId,
      CREDENTIALS_PATH: join(folder, 'credentials'),
      LISTEN_ADDRESS: address,
      ...env,
    },
    address,
    logFile,
    ready: async () => (await log()).includes('waiting for a secret_id'),
  });
  return { ...part, log, folder: join(folder, 'credentials') };
}

const Credentials = v.strictObject({
  clientToken: v.string(),
  accessor: v.string(),
  leaseDuration: v.number(),
  renewable: v.boolean(),
  vaultAddr: v.string(),
});

/** What it has left for the pod's containers. */
export async function credentialsIn(folder: string) {
  return v.parse(Credentials, JSON.parse(await readFile(join(folder, 'vault-token'), 'utf8')));
}

export type AppRoleFunction = Awaited<ReturnType<typeof startAppRole>>;

export async function startAppRole(overrides: FunctionOptions['overrides'] = {}) {
  const part = await stack.startFunction({ name: 'approle', overrides });
  const samples = async () => parseMetrics((await request(`${part.url}/metrics`)).body);
  const log = () => readFile(part.logFile, 'utf8');
  return {
    ...part,
    log,
    /** Waits for a line of its log that has all of these in it. */
    says: (...texts: readonly string[]) =>
      until(`it says "${texts.join(', ')}"`, async () =>
        (await log()).split('\n').some((line) => texts.every((text) => line.includes(text))),
      ),
    samples,
    /** How many events came to which end. */
    outcomes: async () =>
      Object.fromEntries(
        Object.entries(await samples()).flatMap(([name, value]) => {
          const [, outcome] = /approle_events_total\{outcome="(\w+)"\}/.exec(name) ?? [];
          return outcome === undefined ? [] : [[outcome, value] as const];
        }),
      ),
  };
}

const CHANGED = 'dev.knative.apiserver.ref.update';

/** An event that the pod has changed, as a source in mode Reference sends it. */
export const tell = async (
  to: { readonly url: string },
  { namespace, name }: Pick<AppRolePod, 'namespace' | 'name'>,
  type = CHANGED,
): Promise<number> => {
  const data = { apiVersion: 'v1', kind: 'Pod', namespace, name };
  return (await send(to, { type, data })).status;
};

const Wrapped = v.object({
  wrap_info: v.object({ token: v.string(), creation_time: v.string(), ttl: v.number() }),
});

/** Asks Vault for something wrapped, as root, and makes the post of it that an init container would be sent. */
export async function wrapped(path: string, body: object = {}, ttlSeconds = 60) {
  const { address, rootToken } = stack.description.vault;
  const headers = { 'x-vault-token': rootToken, 'x-vault-wrap-ttl': `${ttlSeconds}s` };
  const answer = await request(`${address}/v1/${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  const { token, creation_time, ttl } = v.parse(Wrapped, JSON.parse(answer.body)).wrap_info;
  return { token, creationTime: creation_time, ttl, vaultAddr: address, vaultCAs: '' };
}

/** Posts to an init container as the function does, or as somebody else would. */
export async function postTo(
  address: string,
  body: unknown,
  { path = '/', method = 'POST' }: { readonly path?: string; readonly method?: string } = {},
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const options = { host: address, port: 50_000, path, method, rejectUnauthorized: false, agent: false };
  const sent = httpsRequest(options, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () =>
      resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
    );
  });
  sent.on('error', reject);
  sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  return promise;
}
