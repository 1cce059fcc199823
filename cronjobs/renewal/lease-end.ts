/**
 * When leases end for good. `max_ttl` is the role's, so of all its leases one is asked in a sweep: extended beyond what
 * it needs, it shows how far it can be (https://developer.hashicorp.com/vault/docs/concepts/lease).
 */
import { folderOfLease } from '../../shared/vault/leases.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';

/** How far ahead Vault is asked: often enough, the end is known a day before it comes. */
const PROBE_SECONDS = 36 * 3_600;
// A lease is granted for whole seconds; what is missing beyond these was taken off by max_ttl.
const ROUNDING_SECONDS = 60;

/**
 * @param extend extends the lease by so much, and gives the seconds that it lasts then.
 * @returns milliseconds since 1970, as `now`; 0 for an end that is not within reach.
 */
export type LeaseEnd = (
  lease: Pick<GrantState, 'leaseId' | 'issuedAt'>,
  now: number,
  extend: (seconds: number) => Promise<number>,
) => Promise<number>;

interface Probe {
  readonly issuedAt: number;
  /** From its issue to its end; `undefined` if that is not within reach. */
  readonly lifeMs: number | undefined;
}

export function createLeaseEnd(): LeaseEnd {
  const probes = new Map<string, Promise<Probe>>();

  return async (lease, now, extend) => {
    const { leaseId, issuedAt } = lease;
    const role = folderOfLease(leaseId);
    const asked = probes.get(role);
    const known = asked && (await asked.catch(() => undefined));
    // One whose end is not within reach says nothing of older ones.
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
