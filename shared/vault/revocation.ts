/** Ends a grant: its lease and its token, then its record, once Vault says that the lease is gone. */
import type { Grants } from './grants.ts';
import { createLeaseRevocation, type LeaseState, type ProvedLease, withinPart } from './lease-revocation.ts';
import type { Ledger, LedgerRecord } from './ledger.ts';
import type { VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';
import { type Slots, scopeOfLease } from './slots.ts';
import { hasToken } from './token-reference.ts';

/**
 * `pending`: something is left to do, such as dropping a database user that Vault could not drop yet. The token is
 * dead unless the reason says otherwise; the record is kept, and marked.
 */
export type RevocationOutcome =
  | { readonly state: 'revoked' }
  | { readonly state: 'pending'; readonly reason: string };

export interface Revocation {
  /**
   * Revokes token and lease, then deletes the record; idempotent.
   *
   * @param leftToDo what the record is still needed for: it is then kept, and the outcome is `pending`.
   * @throws VaultError; the record is then unchanged.
   */
  revokeGrant(uuid: string, record: LedgerRecord, work: Work, leftToDo?: string): Promise<RevocationOutcome>;
}

export interface RevocationOptions {
  readonly session: Pick<Session, 'send'>;
  readonly requests: Pick<VaultRequests, 'send'>;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly ledger: Pick<Ledger, 'remove' | 'write'>;
  /** Set if `maxGrantsPerRole` is on. */
  readonly slots: Pick<Slots, 'release'> | undefined;
  readonly now: () => Date;
}

const TOKEN_WITHIN_MS = 1_000;
const NOTHING_KNOWN =
  'neither its lease nor its token is known, so it cannot be revoked: it ends with its token';

export function createRevocation(options: RevocationOptions): Revocation {
  const { session, requests, grants, ledger, slots, now } = options;
  const leases = createLeaseRevocation(session, requests);

  /**
   * Vault does not end a token while revoking its lease waits for a database, so neither do we wait for that.
   *
   * @returns whether Vault has confirmed that the token is gone.
   */
  async function revokeToken(record: LedgerRecord, lease: LeaseState, work: Work): Promise<boolean> {
    if (!hasToken(record)) return true;
    const revoke = async (within: Work) => {
      await grants.revoke(record.token, within);
      return true;
    };
    if (lease !== 'timed_out') return revoke(work);
    return (await withinPart(TOKEN_WITHIN_MS, work, revoke)) === true;
  }

  async function endCredentials(record: LedgerRecord, work: Work): Promise<ProvedLease> {
    const lease = await leases.revoke(record, work);
    if (await revokeToken(record, lease, work)) return leases.prove(lease, record, work);
    return { stuck: 'its database does not answer, and Vault has not ended its token in time' };
  }

  /** Everything has ended: nothing has to be remembered. */
  async function forget(uuid: string, { namespace, leaseId }: LedgerRecord, work: Work): Promise<void> {
    const scope = scopeOfLease(namespace, leaseId);
    // Deletes the slot before the record, which a second attempt starts from.
    if (slots && scope) await slots.release(uuid, scope, work);
    await ledger.remove(uuid, work);
  }

  return {
    async revokeGrant(uuid, record, work, leftToDo = '') {
      if (!hasToken(record) && record.leaseId === '') return { state: 'pending', reason: NOTHING_KNOWN };
      const lease = await endCredentials(record, work);
      const reason = lease === 'gone' ? leftToDo : lease.stuck;
      if (reason === '') {
        await forget(uuid, record, work);
        return { state: 'revoked' };
      }
      if (!record.revokingSince)
        await ledger.write(uuid, { ...record, revokingSince: now().toISOString() }, work);
      return { state: 'pending', reason };
    },
  };
}
