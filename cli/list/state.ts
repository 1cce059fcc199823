import type { Config } from '../../shared/config.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { ListedGrant } from './grants.ts';

interface Standing extends Pick<ListedGrant, 'issuedAt' | 'leaseEndsAt' | 'tokenEndsAt' | 'renewalAt'> {
  /** Whether a live pod of its namespace names it. */
  readonly isClaimed: boolean;
}

// Tolerance: sweeps do not start to the second.
const INTERVALS_TO_RENEW = 1.2;

/** State of a grant in the ledger. One that no sweep has seen yet counts as just issued. */
export function stateOf(
  { issuedAt, leaseEndsAt, tokenEndsAt, renewalAt, isClaimed }: Standing,
  { syncIntervalSeconds, gracePeriodSeconds }: Pick<Config, 'syncIntervalSeconds' | 'gracePeriodSeconds'>,
  now: number,
): ListedGrant['state'] {
  const age = now - (issuedAt ?? 0);
  // The pod may still be in admission.
  if (!isClaimed) return age <= gracePeriodSeconds * 1_000 ? 'unknown' : 'orphaned';
  const patience = syncIntervalSeconds * INTERVALS_TO_RENEW * 1_000;
  const isOver = [leaseEndsAt, tokenEndsAt].some((end) => end !== undefined && end < now);
  if (isOver || (renewalAt !== undefined && renewalAt + patience < now)) return 'overdue';
  if (renewalAt === undefined && (age > patience || leaseEndsAt === undefined)) return 'unknown';
  return 'ok';
}

type Renewals = Pick<GrantState, 'leaseDueAt' | 'leaseRenewedAt' | 'tokenDueAt' | 'tokenRenewedAt'>;

/** When the next renewal is due. A life too short to wait is due from its last renewal on, not since before it. */
export function renewalOf(
  { leaseDueAt, leaseRenewedAt, tokenDueAt, tokenRenewedAt }: Renewals,
  now: number,
): number {
  // 0: the next sweep, whenever that is.
  const next = (dueAt: number, renewedAt: number) => (dueAt === 0 ? now : Math.max(dueAt, renewedAt));
  return Math.min(next(leaseDueAt, leaseRenewedAt), next(tokenDueAt, tokenRenewedAt));
}
