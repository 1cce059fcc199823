/** Renews a lease, or the token above it, and updates the grant's state. */
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { unlessDeleted } from '../../shared/vault/kv.ts';
import type { StoredRecord } from '../../shared/vault/ledger.ts';
import { GrantLost } from '../../shared/vault/renewals.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { TokenReference } from '../../shared/vault/token-reference.ts';
import type { Sweep } from './context.ts';
import { dueAt } from './due.ts';
import { reportLostRecord } from './pod-events.ts';

/** How often a lease is probed for its end. */
const PROBE_EVERY_MS = 12 * 3_600_000;
/**
 * Consecutive renewals with the same expiry before we conclude that the token is at its max TTL: its period may have
 * been changed.
 */
const SAME_END_TIMES = 2;

export async function renewLease(
  uuid: string,
  state: GrantState,
  sweep: Sweep,
  work: Work,
): Promise<GrantState> {
  const { renewals, metrics, time, random, options, leaseEnd } = sweep;
  const { namespace, leaseId } = state;
  try {
    // A probe in the future was recorded by a wrong clock.
    const isProbed = Math.abs(time.now() - state.probedAt) < PROBE_EVERY_MS || state.endsAt !== 0;
    const extend = (seconds: number) => renewals.renewLease(leaseId, work, seconds);
    const endsAt = isProbed ? state.endsAt : await leaseEnd(state, time.now(), extend);
    const leaseTtlSeconds = await renewals.renewLease(leaseId, work);
    metrics.count('renew_lease_count_success', { uuid, namespace });
    const renewedAt = time.now();
    return {
      ...state,
      leaseTtlSeconds,
      leaseRenewedAt: renewedAt,
      leaseDueAt: dueAt(renewedAt, leaseTtlSeconds, options.syncIntervalSeconds, random()),
      probedAt: isProbed ? state.probedAt : renewedAt,
      endsAt,
    };
  } catch (error) {
    metrics.count('renew_lease_count_error', { uuid, namespace });
    throw error;
  }
}

interface TokenToRenew {
  readonly uuid: string;
  readonly state: GrantState;
  readonly stored: StoredRecord | undefined;
  readonly pod: LivePod | undefined;
}

export async function renewToken(
  { uuid, state, stored, pod }: TokenToRenew,
  sweep: Sweep,
  work: Work,
): Promise<GrantState> {
  const { renewals, metrics, time, random, options } = sweep;
  const { namespace } = state;
  const token = stored?.record.token ?? (await readToken(uuid, state, pod, sweep, work));
  try {
    const { seconds: tokenPeriodSeconds, accessor } = await renewals.renewToken(token, work);
    metrics.count('renew_token_count_success', { uuid, namespace });
    const tokenRenewedAt = time.now();
    const tokenEndSeen = hasSameEnd(state, tokenRenewedAt, tokenPeriodSeconds) ? state.tokenEndSeen + 1 : 0;
    const isEnding = tokenEndSeen >= SAME_END_TIMES;
    return {
      ...state,
      tokenPeriodSeconds,
      tokenRenewedAt,
      tokenDueAt: dueAt(tokenRenewedAt, tokenPeriodSeconds, options.syncIntervalSeconds, random()),
      tokenEndSeen,
      endsAt: isEnding ? tokenRenewedAt + tokenPeriodSeconds * 1_000 : state.endsAt,
      accessor: accessor || state.accessor,
    };
  } catch (error) {
    metrics.count('renew_token_count_error', { uuid, namespace });
    throw error;
  }
}

/** Reads the record or, if it is gone from the ledger, the sweep's memory. */
async function readToken(
  uuid: string,
  state: GrantState,
  pod: LivePod | undefined,
  sweep: Sweep,
  work: Work,
): Promise<TokenReference> {
  const found = await sweep.ledger.read(uuid, work).catch(unlessDeleted);
  if (found) return found.record.token;
  if (state.accessor === '') throw new GrantLost('record');
  await reportLostRecord(uuid, pod, sweep);
  return { accessor: state.accessor };
}

/** A token from a pod's login has a final expiry (token_max_ttl): a renewal does not move it, and its lease ends with it. */
function hasSameEnd(
  { tokenRenewedAt, tokenPeriodSeconds }: GrantState,
  now: number,
  seconds: number,
): boolean {
  const gained = now + seconds * 1_000 - (tokenRenewedAt + tokenPeriodSeconds * 1_000);
  return Math.abs(gained) < 0.1 * (now - tokenRenewedAt);
}
