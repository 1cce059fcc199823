/**
 * When leases end for good. `max_ttl` belongs to the role, so one lease of each role is probed per sweep: extended
 * beyond its need, it shows how far it can go (https://developer.hashicorp.com/vault/docs/concepts/lease).
 */
import { folderOfLease } from '../../shared/vault/leases.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';

/** How far ahead a probe asks: probing often enough, the end is known a day before it comes. */
const PROBE_SECONDS = 36 * 3_600;
// A lease is granted for whole seconds; a larger shortfall comes from max_ttl.
const ROUNDING_SECONDS = 60;

/**
 * @param extend extends the lease by this much, and returns the granted seconds.
 * @returns milliseconds since 1970, as `now`; 0 if the end is out of reach.
 */
export type LeaseEnd = (
  lease: Pick<GrantState, 'leaseId' | 'issuedAt'>,
  now: number,
  extend: (seconds: number) => Promise<number>,
) => Promise<number>;

interface Probe {
  readonly issuedAt: number;
  /** Time from issue to end; `undefined` if the end is out of reach. */
  readonly lifeMs: number | undefined;
}

export function createLeaseEnd(): LeaseEnd {
  const probes = new Map<string, Promise<Probe>>();

  return async (lease, now, extend) => {
    const { leaseId, issuedAt } = lease;
    const role = folderOfLease(leaseId);
    const asked = probes.get(role);
    const known = asked && (await asked.catch(() => undefined));
    // A lease whose end is out of reach says nothing about older ones.
    if (known && (known.lifeMs !== undefined || known.issuedAt <= issuedAt)) return endOf(known, issuedAt);
    const probe = extend(PROBE_SECONDS).then((reach) => ({
      issuedAt,
      lifeMs: reach < PROBE_SECONDS - ROUNDING_SECONDS ? now + reach * 1_000 - issuedAt : undefined,
    }));
    probes.set(role, probe);
    return endOf(await probe, issuedAt);
  };
}

function endOf({ lifeMs }: Probe, issuedAt: number): number {
  return lifeMs === undefined ? 0 : issuedAt + lifeMs;
}
