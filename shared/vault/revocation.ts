/**
 * Ends a grant, with proof: Vault drops a token's leases in the background, and a `DROP ROLE` that fails leaves a
 * database user that nobody remembers. So a record is deleted only when Vault says that its lease is gone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineIn, monotonicClock } from '../deadline.ts';
import { Secret } from '../secret.ts';
import { acknowledged } from './answer.ts';
import { VaultError } from './failure.ts';
import type { Grants } from './grants.ts';
import { createLeaseLanes } from './lease-lanes.ts';
import { createLeases, folderOfLease } from './leases.ts';
import type { Ledger, LedgerRecord } from './ledger.ts';
import { vaultPath } from './path.ts';
import type { VaultRequest, VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';
import { type Slots, scopeOfLease } from './slots.ts';
import type { TokenReference } from './token-reference.ts';

/**
 * `pending`: something is left to do, such as dropping a database user that Vault could not drop yet. The token is
 * dead unless the reason says otherwise; the record is kept, and marked.
 */
type RevocationOutcome =
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

// Vault drops a lease some milliseconds after its token; a busy or freshly unsealed Vault takes longer.
const LOOKUP_DELAYS_MS = [5, 20, 80, 250, 750];
// Shorter for a database that has not answered lately: Vault usually knows no more than we do.
const delaysAfter = (before: Unproved) =>
  before === 'late' ? LOOKUP_DELAYS_MS.slice(0, 2) : LOOKUP_DELAYS_MS;

// Pods that are deleted together have their users dropped together, and PostgreSQL refuses one of two transactions
// that change the same rows at once ("tuple concurrently updated"): a moment later it works.
const DROP_AGAIN_AFTER_MS = [50, 200, 600];

// An unresponsive database blocks Vault: revoking its leases waits no longer than this.
const LEASE_WITHIN_MS = 5_000;
const TOKEN_WITHIN_MS = 1_000;

const NOTHING_KNOWN =
  'neither its lease nor its token is known, so it cannot be revoked: it ends with its token';

/** `late`, `skipped`: the state is unknown, but that says nothing about policies. `skipped` was not even tried. */
type Unproved = 'unknown' | 'late' | 'skipped';
type Proved = 'gone' | { readonly stuck: string };
type LeaseState = Proved | Unproved;

export function createRevocation(options: RevocationOptions): Revocation {
  const { session, requests, grants, ledger, slots, now } = options;
  const leases = createLeases(session);
  // Roles whose policy does not let the pod's token revoke its own lease: not tried again by this process.
  const withoutOwnRevocation = new Set<string>();
  // Lease folders that our policy does not let us revoke.
  const withoutOurs = new Set<string>();
  const lanes = createLeaseLanes(monotonicClock);

  /** Revokes synchronously: with the grant's own token if it is known, since the reference's policy forbids it to us. */
  async function revokeLease(record: LedgerRecord, work: Work): Promise<LeaseState> {
    const { leaseId, token, role = '', revokingSince } = record;
    if (leaseId === '') return 'gone';
    const body = { lease_id: leaseId, sync: true };
    const path = vaultPath('sys/leases/revoke');
    const request = { operation: 'revoke a lease', method: 'POST', path, body, work } as const;
    // A second attempt finds the token dead: Vault drops the user in its own time, or at once if our policy lets us ask.
    if (revokingSince || !(token instanceof Secret)) return revokeOurselves(request, leaseId);
    if (withoutOwnRevocation.has(role)) return 'unknown';
    return acknowledged(request.operation, requests.send({ ...request, token })).then(
      () => 'gone' as const,
      notRevoked,
    );
  }

  /** Runs in the database's own lane: one that does not answer delays only its own leases. */
  async function revokeLeaseInTurn(record: LedgerRecord, work: Work): Promise<LeaseState> {
    if (record.leaseId === '') return 'gone';
    const ran = await lanes.run(folderOfLease(record.leaseId), async () => {
      const result = await revokeLeaseInTime(record, work);
      return { late: result === 'late', result };
    });
    if ('result' in ran) return ran.result;
    return ran.notTried === 'late' ? 'late' : 'skipped';
  }

  /** Uses a part of the time only, whatever the database does. */
  function revokeLeaseInTime(record: LedgerRecord, work: Work): Promise<LeaseState> {
    return withinPart(LEASE_WITHIN_MS, work, (part) => revokeLeasePatiently(record, part));
  }

  /**
   * Vault does not end a token while revoking its lease waits for a database, so neither do we wait for that.
   *
   * @returns whether Vault has confirmed that the token is gone.
   */
  async function revokeToken({ token }: LedgerRecord, lease: LeaseState, work: Work): Promise<boolean> {
    if (isUnknown(token)) return true;
    if (lease !== 'late') return grants.revoke(token, work).then(() => true);
    const end = (part: Work) => grants.revoke(token, part).then(() => 'gone' as const);
    return (await withinPart(TOKEN_WITHIN_MS, work, end)) === 'gone';
  }

  async function revokeLeasePatiently(record: LedgerRecord, work: Work): Promise<LeaseState> {
    let lease = await revokeLease(record, work);
    // What an earlier call failed to revoke is left to Vault and the sweeps.
    const delays = record.revokingSince ? [] : DROP_AGAIN_AFTER_MS;
    for (const delay of delays) {
      if (typeof lease === 'string') return lease;
      await sleep(delay * (0.5 + Math.random()));
      lease = await revokeLease(record, work);
    }
    return lease;
  }

  async function revokeOurselves(request: Omit<VaultRequest, 'token'>, leaseId: string): Promise<LeaseState> {
    const folder = folderOfLease(leaseId);
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

  async function waitForLease(record: LedgerRecord, before: Unproved, work: Work): Promise<Proved> {
    for (const delay of delaysAfter(before)) {
      await sleep(delay);
      if (await leases.isGone(record.leaseId, work)) return 'gone';
      // The token may be alive here: a dead one's lease is usually gone, and says nothing about the policy.
      const askedItself = before === 'unknown' && !record.revokingSince && record.token instanceof Secret;
      if (askedItself && record.role) withoutOwnRevocation.add(record.role);
    }
    if (isUnknown(record.token))
      return {
        stuck: 'its record is gone, and its lease may not be revoked: nobody renews it, so it ends by itself',
      };
    return { stuck: 'the lease is still there after its token was revoked' };
  }

  async function provedFrom(lease: LeaseState, record: LedgerRecord, work: Work): Promise<Proved> {
    return isUnproved(lease) ? waitForLease(record, lease, work) : lease;
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
      if (isUnknown(record.token) && record.leaseId === '')
        return { state: 'pending', reason: NOTHING_KNOWN };
      const first = await revokeLeaseInTurn(record, work);
      const lease = (await revokeToken(record, first, work))
        ? await provedFrom(first, record, work)
        : { stuck: 'its database does not answer, and Vault has not ended its token in time' };
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

/** @returns `late` if the part of the time was not enough and there is more of it. */
async function withinPart<T>(
  mostMs: number,
  work: Work,
  task: (part: Work) => Promise<T>,
): Promise<T | 'late'> {
  const { deadline } = work;
  const withinMs = Math.min(mostMs, deadline.remainingMs() / 2);
  using partial = deadlineIn(withinMs, monotonicClock, deadline.signal);
  const part = { ...work, deadline: partial };
  try {
    return await task(part);
  } catch (error) {
    if (error instanceof VaultError && error.code === 'vault_timeout' && !deadline.signal.aborted)
      return 'late';
    throw error;
  } finally {
    work.vaultCalls = part.vaultCalls;
  }
}

/** Ends a grant whose record was deleted before any answer of Vault contained the accessor: only its lease is known. */
const isUnknown = (token: TokenReference): boolean => !(token instanceof Secret) && token.accessor === '';

const isUnproved = (lease: LeaseState): lease is Unproved =>
  lease === 'unknown' || lease === 'late' || lease === 'skipped';
