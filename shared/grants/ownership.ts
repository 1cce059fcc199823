/** The owner of a grant: several clusters may have their records under one prefix in Vault. */
import type { Deadline } from '../deadline.ts';
import type { Work } from '../vault/requests.ts';
import { rivalOf, type SweepMemory } from '../vault/sweep-memory.ts';

/**
 * `unnamed`: the record names no cluster; it was made before the cluster was named, or by one that has no name.
 * `unknown`: the record names a cluster, and we do not know ours. Each caller decides what these two mean for it.
 */
export type Ownership = 'ours' | 'foreign' | 'unnamed' | 'unknown';

/** @param clusterId of this cluster; `undefined` if it is not known. */
export function ownershipOf(
  record: { readonly clusterId?: string | undefined },
  clusterId: string | undefined,
): Ownership {
  if (record.clusterId === undefined) return 'unnamed';
  if (clusterId === undefined) return 'unknown';
  return record.clusterId === clusterId ? 'ours' : 'foreign';
}

interface UnnamedDependencies {
  readonly clusterId: string;
  readonly sweeps: Pick<SweepMemory, 'readUnnamed'>;
  readonly readClusterUid: (deadline: Deadline) => Promise<string>;
  /** Vault's clock. */
  readonly time: { now(): number };
}

/**
 * Whether records that name no cluster belong to this one, which has a name (`clusterId`): yes, unless another cluster
 * has swept under the prefix without a name, which leaves its uid there.
 */
export async function ownsUnnamed(
  { clusterId, sweeps, readClusterUid, time }: UnnamedDependencies,
  work: Work,
): Promise<boolean> {
  const last = await sweeps.readUnnamed(work);
  if (last === undefined) return true;
  const uid = last.clusterId === clusterId ? clusterId : await readClusterUid(work.deadline);
  return rivalOf(last, uid, time.now()) === undefined;
}
