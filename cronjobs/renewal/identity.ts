import type { Deadline } from '../../shared/deadline.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { type LastSweep, rivalOf, type SweepMemory } from '../../shared/vault/sweep-memory.ts';
import type { VaultTime } from '../../shared/vault/time.ts';
import type { SweepDependencies } from './context.ts';
import type { SweepReport } from './report.ts';

interface SweepIdentity {
  readonly clusterId: string;
  /** Whether another cluster's memory exists under our prefix. */
  readonly contested: boolean;
}

/**
 * The cluster's name. Another cluster's memory under our prefix means that one of the two is misconfigured, or that
 * the cluster was rebuilt: nothing is revoked until somebody confirms it (`maxRevokeFraction: 1`). The other cluster
 * is told, since it cannot tell our pods' grants from orphans of its own either.
 */
export async function identify(
  dependencies: SweepDependencies,
  report: SweepReport,
  work: Work,
  forKubernetes: Deadline,
): Promise<SweepIdentity> {
  const { options, sweeps, log, time } = dependencies;
  if (options.clusterId !== undefined) return { clusterId: options.clusterId, contested: false };
  const {
    uid: clusterId,
    last,
    rival,
  } = await identifyByUid(dependencies, options.shard, work, forKubernetes);
  if (rival === undefined || options.maxRevokeFraction === 1) return { clusterId, contested: false };
  report.failed += 1;
  log.warn(
    `nothing is revoked: another cluster (${rival}) sweeps under this vaultSecretPrefix; give each its own, or a clusterId`,
  );
  if (last && last.clusterId !== clusterId)
    await sweeps.writeLast(options.shard, { ...last, rival: { clusterId, seenAt: time.now() } }, work);
  return { clusterId, contested: true };
}

interface ByUid {
  readonly uid: string;
  readonly last: LastSweep | undefined;
  /** The other cluster that sweeps under this prefix without a name, if there is one. */
  readonly rival: string | undefined;
}

/** Identifies a cluster without a configured name. */
export async function identifyByUid(
  { readClusterUid, sweeps, time }: Pick<SweepDependencies, 'readClusterUid'> & IdentityMemory,
  shard: number,
  work: Work,
  forKubernetes: Deadline,
): Promise<ByUid> {
  const uid = await readClusterUid(forKubernetes);
  const last = await sweeps.readLast(shard, work);
  return { uid, last, rival: rivalOf(last, uid, time.now()) };
}

interface IdentityMemory {
  readonly sweeps: Pick<SweepMemory, 'readLast'>;
  readonly time: Pick<VaultTime, 'now'>;
}
