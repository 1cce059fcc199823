import type { Deadline } from '../../shared/deadline.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { rivalOf } from '../../shared/vault/sweep-memory.ts';
import type { SweepDependencies } from './context.ts';
import type { SweepReport } from './report.ts';

interface Identity {
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
  { options, sweeps, readClusterUid, log, time }: SweepDependencies,
  report: SweepReport,
  work: Work,
  forKubernetes: Deadline,
): Promise<Identity> {
  if (options.clusterId !== undefined) return { clusterId: options.clusterId, contested: false };
  const clusterId = await readClusterUid(forKubernetes);
  const last = await sweeps.readLast(options.shard, work);
  const rival = options.maxRevokeFraction < 1 ? rivalOf(last, clusterId, time.now()) : undefined;
  if (rival === undefined) return { clusterId, contested: false };
  report.failed += 1;
  log.warn(
    `nothing is revoked: another cluster (${rival}) sweeps under this vaultSecretPrefix; give each its own, or a clusterId`,
  );
  if (last && last.clusterId !== clusterId)
    await sweeps.writeLast(options.shard, { ...last, rival: { clusterId, seenAt: time.now() } }, work);
  return { clusterId, contested: true };
}
