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

/** What is not well or was not seen, with what mends it. */
export const wrongIn = (out: string): string[] => normalised(out).match(/^[✗?].*(?:\n {4}.*)?/gm) ?? [];

export const goldenFile = (name: string): string => `../../golden/cli/${name}.txt`;
