/** Vault's view of a lease (https://developer.hashicorp.com/vault/api-docs/system/leases#read-lease). */
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { Work } from './requests.ts';
import type { Session } from './session.ts';

export interface Leases {
  /** @throws VaultError */
  isGone(leaseId: string, work: Work): Promise<boolean>;
}

/** The common prefix of a database role's leases: `<mount>/creds/<role>`; empty for a lease without a slash. */
export const folderOfLease = (leaseId: string): string =>
  leaseId.slice(0, Math.max(0, leaseId.lastIndexOf('/')));

export function createLeases(session: Pick<Session, 'send'>): Leases {
  return {
    async isGone(leaseId, work) {
      const body = { lease_id: leaseId };
      const path = vaultPath('sys/leases/lookup');
      try {
        await session.send({ operation: 'look up a lease', method: 'POST', path, body, work });
        return false;
      } catch (error) {
        if (error instanceof VaultError && error.status === 400 && UNKNOWN.test(error.detail)) return true;
        throw error;
      }
    },
  };
}

const UNKNOWN = /invalid lease|lease not found/i;
