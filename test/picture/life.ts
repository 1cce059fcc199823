/** Some minutes in a small cluster's life: pods come in waves and go, a few ask for what they may not have. */
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import { DELETE_TYPE } from '../../shared/events/deleted-pod.ts';
import { request } from '../stack/http.ts';
import type { Stack } from '../stack/index.ts';
import { createNamespace } from '../stack/kubernetes/objects.ts';
import { addAppRole } from '../stack/vault/roles.ts';

/** Each is rolled out once in so many seconds, and has about so many pods. */
const TEAMS = [
  { namespace: 'orders', seconds: 70, pods: 24 },
  { namespace: 'billing', seconds: 110, pods: 14 },
  { namespace: 'reports', seconds: 170, pods: 8 },
] as const;
const ACCOUNT = 'api';
const TICK_MS = 1_000;
/** Pods of a rollout that are replaced at once. */
const AT_ONCE = 4;

const Stored = v.object({
  kind: v.literal('Pod'),
  metadata: v.object({
    name: v.string(),
    namespace: v.string(),
    annotations: v.record(v.string(), v.string()),
  }),
});
type Pod = v.InferOutput<typeof Stored>;

export async function settle({ kubernetes, vault }: Stack): Promise<void> {
  for (const { namespace } of TEAMS) {
    await createNamespace(kubernetes, namespace, [ACCOUNT]);
    const names = { serviceAccounts: [ACCOUNT], namespaces: [namespace] };
    await addAppRole(vault, { name: `${namespace}-rw`, ...names, defaultTtl: '4m' });
  }
}

const manifest = (namespace: string, serviceAccountName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    generateName: 'api-',
    namespace,
    labels: { 'vault-db-injector': 'true' },
    annotations: { [UUID_ANNOTATION.replace('uuid', 'role')]: `${namespace}-rw` },
  },
  spec: { serviceAccountName, containers: [{ name: 'app', image: 'app' }] },
});

/** @param revocationUrl of the function that hears of deleted pods. */
export async function live({ kubernetes }: Stack, revocationUrl: string, until: number): Promise<void> {
  const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

  async function create(namespace: string, account: string = ACCOUNT): Promise<Pod[]> {
    const { status, body } = await kubernetes.ask('POST', podsOf(namespace), manifest(namespace, account));
    return status === 201 ? [v.parse(Stored, JSON.parse(body))] : [];
  }

  async function remove(pod: Pod): Promise<void> {
    const { name, namespace } = pod.metadata;
    await kubernetes.call('DELETE', `${podsOf(namespace)}/${name}?gracePeriodSeconds=0`);
    const headers = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': DELETE_TYPE,
      'ce-source': 'https://api-server',
      'ce-id': name,
    };
    await request(revocationUrl, { method: 'POST', headers, body: JSON.stringify(pod) });
  }

  await Promise.all(
    TEAMS.map(async ({ namespace, seconds, pods: wanted }, team) => {
      let pods: Pod[] = [];
      for (let tick = 0; Date.now() < until; tick += 1) {
        const isRollout = tick % seconds < Math.ceil(wanted / AT_ONCE);
        const size = wanted + Math.round(4 * Math.sin(tick / 40 + team));
        const many = isRollout ? AT_ONCE : Number(pods.length < size);
        const made = await Promise.all(Array.from({ length: many }, () => create(namespace)));
        pods = [...pods, ...made.flat()];
        const going = pods.slice(0, Math.max(0, Math.min(AT_ONCE, pods.length - size)));
        pods = pods.slice(going.length);
        await Promise.all(going.map(remove));
        if (tick % 37 === team * 9) await create(namespace, 'default');
        await delay(TICK_MS);
      }
    }),
  );
}
