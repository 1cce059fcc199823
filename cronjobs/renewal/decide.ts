/** Which orphaned grants a sweep revokes. Pure: it asks nobody, and changes nothing. */
import type { LedgerRecord } from '../../shared/vault/ledger.ts';

/** A grant that no live pod names. */
export interface Orphan {
  readonly uuid: string;
  readonly record: LedgerRecord;
  /** By Vault's clock, in milliseconds since 1970. */
  readonly issuedAt: number;
  /** Whether an earlier sweep saw a live pod that named it. */
  readonly hadPod: boolean;
}

export interface Plan {
  readonly revoke: readonly Orphan[];
  /** They never had a pod, and are too many: they end with their leases. */
  readonly held: readonly Orphan[];
  /** Why nothing is revoked: so many of so many grants have no pod. */
  readonly brake: Suspicion | undefined;
}

export interface Surroundings {
  /** Grants of this share that are neither orphaned nor another cluster's, by namespace. */
  readonly living: ReadonlyMap<string, number>;
  readonly maxRevokeFraction: number;
  /** Of the whole ledger, where this process has read a share of it only: how many grants nobody claims, of how many. */
  readonly ledger: Suspicion | undefined;
}

export interface Suspicion {
  readonly suspected: number;
  readonly grants: number;
}

/** So few may always go: a namespace with a handful of pods is deleted as a whole. */
export const ALWAYS_ALLOWED = 20;
/**
 * How many grants of a namespace that never had a pod count for the brake. Whoever creates pods makes as many of them as
 * he likes, by pods that are refused after their admission: he must not be able to keep the brake on. Of a namespace that
 * has more, where too many of all grants are such, they are held.
 */
const NEVER_BORN_COUNTED = 5;

/** Stops before the first where suspiciously many are orphaned: a wrong cluster, prefix or label is likelier. */
export function decide(
  orphans: readonly Orphan[],
  { living, maxRevokeFraction, ledger }: Surroundings,
): Plan {
  if (maxRevokeFraction === 1) return { revoke: orphans, held: [], brake: undefined };
  const isTooMany = (suspected: number, all: number) =>
    suspected > ALWAYS_ALLOWED && suspected > maxRevokeFraction * all;

  const neverBorn = countBy(orphans.filter(({ hadPod }) => !hadPod));
  const counted = sum([...neverBorn.values()].map((count) => Math.min(count, NEVER_BORN_COUNTED)));
  const suspected = orphans.length - sum([...neverBorn.values()]) + counted;
  const brake = ledger
    ? estimate(ledger, orphans, neverBorn)
    : { suspected, grants: suspected + sum([...living.values()]) };
  if (isTooMany(brake.suspected, brake.grants)) return { revoke: [], held: [], brake };

  const isHolding = ledger
    ? isTooMany(ledger.suspected, ledger.grants)
    : isTooMany(sum([...neverBorn.values()]), orphans.length + sum([...living.values()]));
  // Of a share nobody sees how many a namespace has in all.
  const isHeld = ({ hadPod, record: { namespace } }: Orphan) =>
    isHolding && !hadPod && (ledger !== undefined || (neverBorn.get(namespace) ?? 0) > NEVER_BORN_COUNTED);
  return {
    revoke: orphans.filter((orphan) => !isHeld(orphan)),
    held: orphans.filter(isHeld),
    brake: undefined,
  };
}

/**
 * Of the whole ledger, from a share of it: among the other shares' orphans as many never had a pod as among its own, and
 * they are of the same namespaces. A share that has but a few of them comes to the same result as one that has many.
 */
function estimate(
  { suspected: all, grants }: Suspicion,
  orphans: readonly Orphan[],
  neverBorn: ReadonlyMap<string, number>,
): Suspicion {
  const withoutPod = (sum([...neverBorn.values()]) / Math.max(1, orphans.length)) * all;
  const counted = Math.min(withoutPod, NEVER_BORN_COUNTED * neverBorn.size);
  const suspected = Math.ceil(all - withoutPod + counted);
  return { suspected, grants: grants - (all - suspected) };
}

function countBy(orphans: readonly Orphan[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { record } of orphans) counts.set(record.namespace, (counts.get(record.namespace) ?? 0) + 1);
  return counts;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
