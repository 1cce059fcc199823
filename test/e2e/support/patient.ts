/** An installation that doctor finds well, with a place in the ledger and a database engine of its own. */
import { randomUUID } from 'node:crypto';
import { processPolicy } from '../../stack/vault/policies.ts';
import { configurationFile, normalised, run } from './command-line.ts';
import { openStrictFleet } from './process-policies.ts';
import { reportReady } from './ready.ts';
import { stack } from './stack.ts';

export type Patient = Awaited<ReturnType<typeof openPatient>>;

export async function openPatient() {
  const mount = `doctor-${randomUUID().slice(0, 8)}`;
  const strict = await openStrictFleet({ engine: mount });
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
