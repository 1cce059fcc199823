/** An installation that doctor finds well, with a place in the ledger and a database engine of its own. */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { processPolicy } from '../../stack/vault/policies.ts';
import { configurationFile, normalised, run } from './command-line.ts';
import { openStrictFleet, type StrictWishes } from './process-policies.ts';
import { reportReady } from './ready.ts';
import { stack } from './stack.ts';

const Namespaces = v.object({ items: v.array(v.object({ metadata: v.object({ name: v.string() }) })) });

export type Patient = Awaited<ReturnType<typeof openPatient>>;

export async function openPatient(wishes: StrictWishes = {}) {
  const mount = `doctor-${randomUUID().slice(0, 8)}`;
  const strict = await openStrictFleet({ ...wishes, engine: mount });
  const role = async (defaultTtl: number): Promise<void> => {
    await stack.vault.call('POST', `${mount}/roles/orders-rw`, {
      db_name: 'none',
      default_ttl: defaultTtl,
      creation_statements: ['SELECT 1'],
    });
  };
  await stack.vault.call('POST', `sys/mounts/${mount}`, { type: 'database' });
  await role(3600);
  await reportReady();
  await quietGateway();
  await withoutPodsOfOthers();
  await stack.sweep({ overrides: strict.keysOf('renewal') });
  const keys = { vaultSecretPrefix: strict.ledgerPrefix, defaultEngine: mount };
  const environment = {
    CONFIG_FILE: await configurationFile(keys),
    INJECTOR_KUBE_ROLE: strict.roleOf('renewal'),
    VAULT_TOKEN: stack.description.vault.rootToken,
  };
  return {
    strict,
    mount,
    environment,
    /** As it is now, of the renewal job. */
    policy: () => processPolicy('renewal', { ledgerPrefix: strict.ledgerPrefix, engine: mount }),
    /** Of its configuration. */
    keys,
    /** How long the leases of its database role last, in seconds. */
    role,
    doctor: (env: Readonly<Record<string, string>> = {}) =>
      run(['doctor'], { env: { ...environment, ...env } }),
  };
}

/** Pods that other files have left: their grants are in other ledgers, which none of ours knows. */
async function withoutPodsOfOthers(): Promise<void> {
  const query = 'labelSelector=vault-db-injector%3Dtrue&gracePeriodSeconds=0';
  for (const namespace of await namespaces())
    await stack.kubernetes.call('DELETE', `/api/v1/namespaces/${namespace}/pods?${query}`);
}

async function namespaces(): Promise<string[]> {
  const { items } = v.parse(Namespaces, await stack.kubernetes.call('GET', '/api/v1/namespaces'));
  return items.map(({ metadata }) => metadata.name);
}

/** As docs/install.md has it: Kourier's access log would have the path's secret in it. */
async function quietGateway(): Promise<void> {
  const namespace = 'knative-serving';
  await stack.kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const configMap = (name: string, data: Readonly<Record<string, string>>) =>
    stack.kubernetes.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
  await configMap('config-kourier', { 'enable-service-access-logging': 'false' });
  await configMap('config-network', { 'ingress-class': 'kourier.ingress.networking.knative.dev' });
}

/** What is not well or was not seen, with what mends it. */
export const wrongIn = (out: string): string[] => normalised(out).match(/^[✗?].*(?:\n {4}.*)?/gm) ?? [];

export const goldenFile = (name: string): string => `../../golden/cli/${name}.txt`;
