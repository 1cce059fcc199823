/**
 * Records that do not say of which cluster they are, in a cluster that has a name (`clusterId`): they were made before it
 * had one, or by a cluster that has none. Who swept under the prefix without a name has left its uid there.
 */
import type { Deadline } from '../../shared/deadline.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { rivalOf, type SweepMemory } from '../../shared/vault/sweep-memory.ts';

interface Parts {
  readonly clusterId: string;
  readonly sweeps: Pick<SweepMemory, 'readUnnamed'>;
  readonly readClusterUid: (deadline: Deadline) => Promise<string>;
  /** By Vault's clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Whether they are this cluster's, as they are where nobody else has swept. */
export async function ownsUnnamed(
  { clusterId, sweeps, readClusterUid, now }: Parts,
  work: Work,
): Promise<boolean> {
  const last = await sweeps.readUnnamed(work);
  if (last === undefined) return true;
  const uid = last.clusterId === clusterId ? clusterId : await readClusterUid(work.deadline);
  return rivalOf(last, uid, now()) === undefined;
}

/** Asked when somebody first wants to know, and then no more. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}
