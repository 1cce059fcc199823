/**
 * Ending a grant, with proof: Vault drops a token's leases in the background, and a `DROP ROLE` that fails leaves a
 * database user that nobody remembers. So a record goes only when Vault says that its lease is gone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineIn, monotonicClock } from '../deadline.ts';
import { Secret } from '../secret.ts';
import { acknowledged } from './answer.ts';
import { VaultError } from './failure.ts';
import type { Grants } from './grants.ts';
import { type Held, holderOf } from './held.ts';
import { createLeases } from './leases.ts';
import type { Ledger, LedgerRecord } from './ledger.ts';
import { vaultPath } from './path.ts';
import type { VaultRequest, VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';

/** `pending`: the token is dead, but something is left to do, such as the database user that Vault could not drop yet. */
type RevocationOutcome =
  | { readonly state: 'revoked' }
  | { readonly state: 'pending'; readonly reason: string };

export interface Revocation {
  /**
   * Revokes token and lease, then deletes the record; a second time has no effect.
   *
   * @param leftToDo what the record is still needed for: it is kept then, and the outcome is `pending`.
   * @throws VaultError; the record then stands as it did.
   */
  revokeGrant(uuid: string, record: LedgerRecord, work: Work, leftToDo?: string): Promise<RevocationOutcome>;
}

export interface RevocationOptions {
  readonly session: Pick<Session, 'send'>;
  readonly requests: Pick<VaultRequests, 'send'>;
  readonly grants: Pick<Grants, 'revoke'>;
  readonly ledger: Pick<Ledger, 'remove' | 'write'>;
  /** Where `maxGrantsPerRole` is on. */
  readonly held: Pick<Held, 'release'> | undefined;
  readonly now: () => Date;
}

// Vault drops a lease some milliseconds after its token; one that is busy, or was just unsealed, takes longer.
const LOOKUP_DELAYS_MS = [5, 20, 80, 250, 750];

// Pods that are deleted together have their users dropped together, and PostgreSQL refuses one of two that change the same
// rows at once ("tuple concurrently updated"): that is over a moment later.
const DROP_AGAIN_AFTER_MS = [50, 200, 600];

// A database that does not answer holds Vault up. The token, which may be good for more than the database, does not wait for it.
const LEASE_WITHIN_MS = 5_000;

/** `late`: as good as unknown, but it says nothing of anybody's policy. */
type LeaseState = 'gone' | 'unknown' | 'late' | { readonly stuck: string };

export function createRevocation(options: RevocationOptions): Revocation {
  const { session, requests, grants, ledger, held, now } = options;
  const leases = createLeases(session);
  // Roles whose policy does not let the pod's token revoke its own lease: not asked again by this process.
  const withoutOwnRevocation = new Set<string>();
  // Folders of leases that our policy does not let us revoke.
  const withoutOurs = new Set<string>();

  /** At once and with its result: by the grant's own token where it is known, since the reference's policy forbids it to us. */
  async function revokeLease(record: LedgerRecord, work: Work): Promise<LeaseState> {
    const { leaseId, token, role = '', revokingSince } = record;
    if (leaseId === '') return 'gone';
    const body = { lease_id: leaseId, sync: true };
    const path = vaultPath('sys/leases/revoke');
    const request = { operation: 'revoke a lease', method: 'POST', path, body, work } as const;
    // Tried before, so its token is dead: Vault drops the user in its own time, or at once where our policy may ask it.
    if (revokingSince || !(token instanceof Secret)) return revokeOurselves(request, leaseId);
    if (withoutOwnRevocation.has(role)) return 'unknown';
    return acknowledged(request.operation, requests.send({ ...request, token })).then(
      () => 'gone' as const,
      notRevoked,
    );
  }

  /** With a part of the time only, whatever the database does. */
  async function revokeLeaseInTime(record: LedgerRecord, work: Work): Promise<LeaseState> {
    const { deadline } = work;
    const within = Math.min(LEASE_WITHIN_MS, deadline.remainingMs() / 2);
    const forLease = { ...work, deadline: deadlineIn(within, monotonicClock, deadline.signal) };
    try {
      return await revokeLeasePatiently(record, forLease);
    } catch (error) {
      if (error instanceof VaultError && error.code === 'vault_timeout' && !deadline.signal.aborted)
        return 'late';
      throw error;
    } finally {
      forLease.deadline.release();
      work.vaultCalls = forLease.vaultCalls;
    }
  }

  async function revokeLeasePatiently(record: LedgerRecord, work: Work): Promise<LeaseState> {
    let lease = await revokeLease(record, work);
    // What an earlier call has tried in vain is left to Vault, and to the sweeps.
    const delays = record.revokingSince ? [] : DROP_AGAIN_AFTER_MS;
    for (const delay of delays) {
      if (typeof lease === 'string') return lease;
      await sleep(delay * (0.5 + Math.random()));
      lease = await revokeLease(record, work);
    }
    return lease;
  }

  async function revokeOurselves(request: Omit<VaultRequest, 'token'>, leaseId: string): Promise<LeaseState> {
    const folder = leaseId.slice(0, leaseId.lastIndexOf('/'));
    if (withoutOurs.has(folder)) return 'unknown';
    const state = await acknowledged(request.operation, session.send(request)).then(
      () => 'gone' as const,
      notRevoked,
    );
    if (state === 'unknown') withoutOurs.add(folder);
    return state;
  }

  function notRevoked(error: unknown): LeaseState {
    if (!(error instanceof VaultError) || error.retryable) throw error;
    return error.status === 403 ? 'unknown' : { stuck: error.detail || error.message };
  }

  async function waitForLease(
    record: LedgerRecord,
    before: 'unknown' | 'late',
    work: Work,
  ): Promise<'gone' | { readonly stuck: string }> {
    for (const delay of LOOKUP_DELAYS_MS) {
      await sleep(delay);
      if (await leases.isGone(record.leaseId, work)) return 'gone';
      // So its token was alive when it might not: of a dead one the lease is mostly gone, and says nothing of the policy.
      const askedItself = before === 'unknown' && !record.revokingSince && record.token instanceof Secret;
      if (askedItself && record.role) withoutOwnRevocation.add(record.role);
    }
    return { stuck: 'the lease is still there after its token was revoked' };
  }

  /** All of it has ended: nothing has to be remembered any more. */
  async function forget(uuid: string, { namespace, leaseId }: LedgerRecord, work: Work): Promise<void> {
    const holder = holderOf(namespace, leaseId);
    // Before the record, which is what a second attempt begins with.
    if (held && holder) await held.release(uuid, holder, work);
    await ledger.remove(uuid, work);
  }

  return {
    async revokeGrant(uuid, record, work, leftToDo = '') {
      let lease = await revokeLeaseInTime(record, work);
      await grants.revoke(record.token, work);
      if (lease === 'unknown' || lease === 'late') lease = await waitForLease(record, lease, work);
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
