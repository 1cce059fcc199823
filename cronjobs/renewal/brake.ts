/** Decides which orphaned grants a sweep revokes. Pure: no requests, no side effects. */
import type { LedgerRecord } from '../../shared/vault/ledger.ts';

/** A grant that no live pod names. */
export interface Orphan {
  readonly uuid: string;
  readonly record: LedgerRecord;
  /** Vault's time, in milliseconds since 1970. */
  readonly issuedAt: number;
  /** Whether an earlier sweep saw a live pod that named it. */
  readonly hadPod: boolean;
}

export interface Plan {
  readonly revoke: readonly Orphan[];
  /** Grants that never had a pod and are too many to revoke: they end with their leases. */
  readonly heldBack: readonly Orphan[];
  /** Why nothing is revoked: the number of orphans, and of all grants. */
  readonly brake: Suspicion | undefined;
}

export interface BrakeInput {
  /** This shard's grants, by namespace, that are neither orphaned nor another cluster's. */
  readonly living: ReadonlyMap<string, number>;
  readonly maxRevokeFraction: number;
  /** Estimate for the whole ledger, if this process has read only a shard: the number of unclaimed grants, and of all. */
  readonly ledger: Suspicion | undefined;
}

export interface Suspicion {
  readonly suspected: number;
  readonly grants: number;
}

/** Always revocable: a namespace with a handful of pods is deleted as a whole. */
const ALWAYS_ALLOWED = 20;

/**
 * Whether so many of all were lost that a mistake is more likely: a wrong cluster, prefix or label, or a lost ledger.
 *
 * @param maxFraction 1: somebody has confirmed it.
 */
export const isSuspicious = (suspected: number, all: number, maxFraction: number): boolean =>
  maxFraction < 1 && suspected > ALWAYS_ALLOWED && suspected > maxFraction * all;

/**
 * How many never-born grants of a namespace count for the brake. Anyone who creates pods can make as many as they
 * like, with pods that are refused after their admission, and must not be able to keep the brake on. If a namespace
 * has more, and too many of all grants are never-born, they are held back.
 */
const NEVER_BORN_COUNTED = 5;

/**
 * Stops before the first revocation if suspiciously many are orphaned: a wrong cluster, prefix or label is more
 * likely.
 */
export function planRevocations(
  orphans: readonly Orphan[],
  { living, maxRevokeFraction, ledger }: BrakeInput,
): Plan {
  if (maxRevokeFraction === 1) return { revoke: orphans, heldBack: [], brake: undefined };
  const isTooMany = (suspected: number, all: number) => isSuspicious(suspected, all, maxRevokeFraction);

  const neverBorn = countBy(orphans.filter(({ hadPod }) => !hadPod));
  const counted = sum([...neverBorn.values()].map((count) => Math.min(count, NEVER_BORN_COUNTED)));
  const suspected = orphans.length - sum([...neverBorn.values()]) + counted;
  const brake = ledger
    ? estimate(ledger, orphans, neverBorn)
    : { suspected, grants: suspected + sum([...living.values()]) };
  if (isTooMany(brake.suspected, brake.grants)) return { revoke: [], heldBack: [], brake };

  const isHolding = ledger
    ? isTooMany(ledger.suspected, ledger.grants)
    : isTooMany(sum([...neverBorn.values()]), orphans.length + sum([...living.values()]));
  // A shard cannot see the namespace's total.
  const isHeldBack = ({ hadPod, record: { namespace } }: Orphan) =>
    isHolding && !hadPod && (ledger !== undefined || (neverBorn.get(namespace) ?? 0) > NEVER_BORN_COUNTED);
  return {
    revoke: orphans.filter((orphan) => !isHeldBack(orphan)),
    heldBack: orphans.filter(isHeldBack),
    brake: undefined,
  };
}

/**
 * [suspected, total] for the brake, estimated for the whole ledger. Other shards' orphans are assumed to have the
 * same proportion of never-born ones, in the same namespaces, so that every shard comes to the same result.
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
