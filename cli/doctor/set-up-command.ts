import type { Facts } from './facts.ts';

/** Writes the policies and auth roles anew, as the configuration asks for them. */
export async function setUpCommand(facts: Facts): Promise<string> {
  const { ledgerPrefix, ledgerMount, authPath, defaultEngine } = (await facts.config()).vault;
  return [
    `LEDGER_PREFIX=${ledgerPrefix}`,
    `LEDGER_MOUNT=${ledgerMount}`,
    `AUTH_PATH=${authPath}`,
    `DATABASE_MOUNTS='${defaultEngine}'`,
    'knative/vault/set-up.sh',
  ].join(' ');
}
