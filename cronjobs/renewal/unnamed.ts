/**
 * Records without a cluster name, in a cluster that has one (`clusterId`): made before it was named, or by an unnamed
 * cluster. A cluster that swept under the prefix without a name has left its uid there.
 */
import type { Deadline } from '../../shared/deadline.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { rivalOf, type SweepMemory } from '../../shared/vault/sweep-memory.ts';

interface Parts {
  readonly clusterId: string;
  readonly sweeps: Pick<SweepMemory, 'readUnnamed'>;
  readonly readClusterUid: (deadline: Deadline) => Promise<string>;
  /** Vault's time, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Whether they are this cluster's: yes if no other cluster has swept here. */
export async function ownsUnnamed(
  { clusterId, sweeps, readClusterUid, now }: Parts,
  work: Work,
): Promise<boolean> {
  const last = await sweeps.readUnnamed(work);
  if (last === undefined) return true;
  const uid = last.clusterId === clusterId ? clusterId : await readClusterUid(work.deadline);
  return rivalOf(last, uid, now()) === undefined;
}
