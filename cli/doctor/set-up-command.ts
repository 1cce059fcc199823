import type { VaultOptions } from '../../shared/vault/index.ts';
import type { Facts } from './facts.ts';

type Places = Pick<VaultOptions, 'ledgerPrefix' | 'ledgerMount' | 'authPath'> & {
  readonly defaultEngine: string;
};

/** Writes the policies and auth roles anew, as the configuration asks for them. */
export async function setUpCommand(facts: Facts): Promise<string> {
  return setUpCommandFor((await facts.config()).vault);
}

export function setUpCommandFor({ ledgerPrefix, ledgerMount, authPath, defaultEngine }: Places): string {
  return [
    `LEDGER_PREFIX=${ledgerPrefix}`,
    `LEDGER_MOUNT=${ledgerMount}`,
    `AUTH_PATH=${authPath}`,
    `DATABASE_MOUNTS='${defaultEngine}'`,
    'knative/vault/set-up.sh',
  ].join(' ');
}
