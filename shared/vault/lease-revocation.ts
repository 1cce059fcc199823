/**
 * Ends a grant's lease, and proves its end: Vault drops a token's leases in the background, and a `DROP ROLE` that
 * fails leaves a database user that nobody remembers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineIn, monotonicClock } from '../deadline.ts';
import { Secret } from '../secret.ts';
import { acknowledged } from './answer.ts';
import { VaultError } from './failure.ts';
import { createLeaseLanes } from './lease-lanes.ts';
import { createLeases, folderOfLease } from './leases.ts';
import type { LedgerRecord } from './ledger.ts';
import { vaultPath } from './path.ts';
import type { VaultRequest, VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';
import { hasToken } from './token-reference.ts';

/** Vault's word on the lease. `stuck`: why it is still there. */
export type ProvedLease = 'gone' | { readonly stuck: string };
/**
 * Why nothing is known of the lease yet. `forbidden`: the policy does not let it be revoked. `timed_out`: the database
 * does not answer. `not_tried`: too many leases wait for the same database.
 */
type UnprovedLease = 'forbidden' | 'timed_out' | 'not_tried';
export type LeaseState = ProvedLease | UnprovedLease;

export interface LeaseRevocation {
  /**
   * Revokes the lease, so that a database user that cannot be dropped is an error at once.
   *
   * @throws VaultError
   */
  revoke(record: LedgerRecord, work: Work): Promise<LeaseState>;
  /**
   * Looks until the lease is gone, or has had the time to go: its token is revoked, which ends it as well.
   *
   * @throws VaultError
   */
  prove(lease: LeaseState, record: LedgerRecord, work: Work): Promise<ProvedLease>;
}

// Vault drops a lease some milliseconds after its token; a busy or freshly unsealed Vault takes longer.
const LOOKUP_DELAYS_MS = [5, 20, 80, 250, 750];
// Shorter for a database that has not answered lately: Vault usually knows no more than we do.
const delaysAfter = (before: UnprovedLease) =>
  before === 'timed_out' ? LOOKUP_DELAYS_MS.slice(0, 2) : LOOKUP_DELAYS_MS;

// Pods that are deleted together have their users dropped together, and PostgreSQL refuses one of two transactions
// that change the same rows at once ("tuple concurrently updated"): a moment later it works.
const DROP_AGAIN_AFTER_MS = [50, 200, 600];

// An unresponsive database blocks Vault: revoking its leases waits no longer than this.
const LEASE_WITHIN_MS = 5_000;

const RECORD_GONE =
  'its record is gone, and its lease may not be revoked: nobody renews it, so it ends by itself';

export function createLeaseRevocation(
  session: Pick<Session, 'send'>,
  requests: Pick<VaultRequests, 'send'>,
): LeaseRevocation {
  const leases = createLeases(session);
  // Roles whose policy does not let the pod's token revoke its own lease: not tried again by this process.
  const withoutOwnRevocation = new Set<string>();
  // Lease folders that our policy does not let us revoke.
  const withoutOurs = new Set<string>();
  const lanes = createLeaseLanes(monotonicClock);

  /** Revokes synchronously: with the grant's own token if it is known, since the reference's policy forbids it to us. */
  async function revokeOnce({ leaseId, token, role = '', revokingSince }: LedgerRecord, work: Work) {
    const body = { lease_id: leaseId, sync: true };
    const path = vaultPath('sys/leases/revoke');
    const request = { operation: 'revoke a lease', method: 'POST', path, body, work } as const;
    // A second attempt finds the token dead: Vault drops the user in its own time, or at once if our policy lets us ask.
    if (revokingSince || !(token instanceof Secret)) return revokeOurselves(request, folderOfLease(leaseId));
    if (withoutOwnRevocation.has(role)) return 'forbidden';
    return stateAfter(acknowledged(request.operation, requests.send({ ...request, token })));
  }

  async function revokeOurselves(request: Omit<VaultRequest, 'token'>, folder: string): Promise<LeaseState> {
    if (withoutOurs.has(folder)) return 'forbidden';
    const state = await stateAfter(acknowledged(request.operation, session.send(request)));
    if (state === 'forbidden') withoutOurs.add(folder);
    return state;
  }

  async function revokePatiently(record: LedgerRecord, work: Work): Promise<LeaseState> {
    let lease: LeaseState = await revokeOnce(record, work);
    // What an earlier call failed to revoke is left to Vault and the sweeps.
    const delays = record.revokingSince ? [] : DROP_AGAIN_AFTER_MS;
    for (const delay of delays) {
      if (typeof lease === 'string') return lease;
      await sleep(delay * (0.5 + Math.random()));
      lease = await revokeOnce(record, work);
    }
    return lease;
  }

  async function waitForEnd(before: UnprovedLease, record: LedgerRecord, work: Work): Promise<ProvedLease> {
    // A forbidden revocation was tried with the pod's own token, unless that is not known, or dead since before.
    const triedItself = before === 'forbidden' && !record.revokingSince && record.token instanceof Secret;
    for (const delay of delaysAfter(before)) {
      await sleep(delay);
      if (await leases.isGone(record.leaseId, work)) return 'gone';
      // The token may be alive here: a dead one's lease is usually gone, and says nothing about the policy.
      if (triedItself && record.role) withoutOwnRevocation.add(record.role);
    }
    return { stuck: hasToken(record) ? 'the lease is still there after its token was revoked' : RECORD_GONE };
  }

  return {
    async revoke(record, work) {
      if (record.leaseId === '') return 'gone';
      // The database's own lane: one that does not answer delays only its own leases, and takes a part of the time.
      const ran = await lanes.run(folderOfLease(record.leaseId), async () => {
        const result = await withinPart(LEASE_WITHIN_MS, work, (part) => revokePatiently(record, part));
        return { late: result === 'timed_out', result };
      });
      if ('result' in ran) return ran.result;
      return ran.notTried === 'late' ? 'timed_out' : 'not_tried';
    },

    prove: async (lease, record, work) => (isUnproved(lease) ? waitForEnd(lease, record, work) : lease),
  };
}

/** @throws VaultError that is worth another attempt. */
async function stateAfter(revoked: Promise<void>): Promise<LeaseState> {
  try {
    await revoked;
    return 'gone';
  } catch (error) {
    if (!(error instanceof VaultError) || error.retryable) throw error;
    return error.status === 403 ? 'forbidden' : { stuck: error.detail || error.message };
  }
}

const isUnproved = (lease: LeaseState): lease is UnprovedLease =>
  lease === 'forbidden' || lease === 'timed_out' || lease === 'not_tried';

/**
 * Uses a part of the time only, whatever the database does.
 *
 * @returns `timed_out` if the part was not enough and there is more time.
 */
export async function withinPart<T>(
  mostMs: number,
  work: Work,
  task: (part: Work) => Promise<T>,
): Promise<T | 'timed_out'> {
  const { deadline } = work;
  const withinMs = Math.min(mostMs, deadline.remainingMs() / 2);
  using partial = deadlineIn(withinMs, monotonicClock, deadline.signal);
  const part = { ...work, deadline: partial };
  try {
    return await task(part);
  } catch (error) {
    if (error instanceof VaultError && error.code === 'vault_timeout' && !deadline.signal.aborted)
      return 'timed_out';
    throw error;
  } finally {
    work.vaultCalls = part.vaultCalls;
  }
}
