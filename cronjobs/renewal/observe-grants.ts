/** Metrics of live grants at the end of a sweep, renewed or not: when each ends, and how many there are. */
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { Sweep } from './context.ts';
import { dueIn, isForeign } from './grant-state.ts';

export function observeGrants(sweep: Sweep): void {
  const { index, claims, lost, renewed, report, startedAt, metrics } = sweep;
  const perNamespace = new Map<string, number>();
  for (const [uuid, state] of index) {
    const isOurs = claims.has(uuid) && !isForeign(state, sweep);
    // A grant that Vault no longer knows has no end to come.
    if (!isOurs || lost.has(uuid)) continue;
    const { namespace } = state;
    perNamespace.set(namespace, (perNamespace.get(namespace) ?? 0) + 1);
    // A very short lease is due at every sweep; once renewed in this one it is not overdue.
    const due = dueIn(state, startedAt);
    if ((due.lease || due.token) && !renewed.has(uuid)) report.overdue += 1;
    observeExpiry(uuid, state, sweep);
  }
  for (const [namespace, count] of perNamespace) metrics.set('grants', { namespace }, count);
}

function observeExpiry(uuid: string, state: GrantState, { metrics }: Sweep): void {
  const labels = { uuid, namespace: state.namespace };
  const { leaseId, leaseRenewedAt, leaseTtlSeconds, tokenRenewedAt, tokenPeriodSeconds, endsAt } = state;
  // Unknown until the first renewal if the record does not say it.
  if (leaseId !== '' && leaseTtlSeconds > 0)
    metrics.setLeast('lease_expiration', labels, leaseRenewedAt / 1_000 + leaseTtlSeconds);
  if (tokenPeriodSeconds > 0)
    metrics.setLeast('token_expiration', labels, tokenRenewedAt / 1_000 + tokenPeriodSeconds);
  metrics.setLeast('token_last_renewed', labels, tokenRenewedAt / 1_000);
  if (endsAt > 0) metrics.setLeast('lease_max_ttl_timestamp_seconds', labels, endsAt / 1_000);
}
