/**
 * Revokes every grant of this cluster, whether its pod lives or not, when an installation is removed. Runs only on an
 * explicit command-line flag, which only the uninstallation passes.
 */
import pLimit from 'p-limit';
import type { Clock, Deadline } from '../../shared/deadline.ts';
import { about, InjectorError } from '../../shared/errors.ts';
import { ownershipOf, ownsUnnamed } from '../../shared/grants/ownership.ts';
import { isUnreadable } from '../../shared/grants/records.ts';
import { createRevokeGrant, type RevokeGrant } from '../../shared/grants/revoke-grant.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Ledger } from '../../shared/vault/ledger.ts';
import { beginWork, type Work } from '../../shared/vault/requests.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import { mountOf } from '../../shared/vault/slots.ts';
import type { SweepMemory } from '../../shared/vault/sweep-memory.ts';
import type { VaultTime } from '../../shared/vault/time.ts';
import { identifyByUid } from './identity.ts';

export interface RevokeAllDependencies {
  readonly ledger: Pick<Ledger, 'list' | 'read'>;
  readonly revocation: Revocation;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly sweeps: Pick<SweepMemory, 'readLast' | 'readUnnamed'>;
  readonly readClusterUid: (deadline: Deadline) => Promise<string>;
  readonly log: Logger;
  readonly time: Pick<VaultTime, 'now'>;
  /** The cluster's name in the configuration; absent: its uid is used. */
  readonly clusterId: string | undefined;
}

export interface RevokeAllReport {
  /** Records under the prefix. */
  found: number;
  revoked: number;
  /** Revoked, but Vault has not yet dropped the database user. */
  pending: number;
  /** Other clusters' records under the same prefix: left alone. */
  foreign: number;
  failed: number;
  unreadable: number;
}

const CONCURRENCY = 16;

/** @throws InjectorError if the cluster cannot be identified: nothing is revoked then. */
export async function revokeAll(
  dependencies: RevokeAllDependencies,
  deadline: Deadline,
): Promise<RevokeAllReport> {
  const work = beginWork(deadline);
  const identity = await identify(dependencies, work);
  const { grants: uuids, others } = await dependencies.ledger.list(work);
  const found = uuids.length + others.length;
  const report = { found, revoked: 0, pending: 0, foreign: 0, failed: 0, unreadable: others.length };
  const collaborators = { ...dependencies, revokeGrant: createRevokeGrant(dependencies) };
  const revokeOne = async (uuid: string) => {
    try {
      report[await outcomeOf(uuid, identity, collaborators, work)] += 1;
    } catch (error) {
      report[isUnreadable(error) ? 'unreadable' : 'failed'] += 1;
      dependencies.log.error('a grant could not be revoked', error, { uuid });
    }
  };
  await pLimit(CONCURRENCY).map(uuids, revokeOne);
  return report;
}

async function outcomeOf(
  uuid: string,
  { clusterId, ownsUnnamedRecords }: ClusterIdentity,
  { ledger, revokeGrant }: Pick<RevokeAllDependencies, 'ledger'> & { readonly revokeGrant: RevokeGrant },
  work: Work,
): Promise<'revoked' | 'pending' | 'foreign'> {
  const stored = await ledger.read(uuid, work);
  // Revoked meanwhile by an event.
  if (!stored) return 'revoked';
  const { record } = stored;
  const owner = ownershipOf(record, clusterId);
  if (owner === 'foreign' || (owner === 'unnamed' && !ownsUnnamedRecords)) return 'foreign';
  const subject = { uuid, namespace: record.namespace, pod: record.podName, mount: mountOf(record) };
  return revokeGrant({ uuid, record }, work).catch((error: unknown) => {
    throw about(subject, error);
  });
}

interface ClusterIdentity {
  readonly clusterId: string;
  /** Whether records that name no cluster are its own. */
  readonly ownsUnnamedRecords: boolean;
}

async function identify(dependencies: RevokeAllDependencies, work: Work): Promise<ClusterIdentity> {
  const { clusterId } = dependencies;
  if (clusterId !== undefined)
    return { clusterId, ownsUnnamedRecords: await ownsUnnamed({ ...dependencies, clusterId }, work) };
  const { uid, rival } = await identifyByUid(dependencies, 0, work, work.deadline);
  if (rival === undefined) return { clusterId: uid, ownsUnnamedRecords: true };
  throw new InjectorError(
    'configuration_invalid',
    'nothing is revoked: another cluster sweeps under this vaultSecretPrefix, and without a clusterId their grants cannot be told apart',
  );
}

/** 0: nothing of this cluster is left. 1: something is. */
export function exitCodeOfAll({ failed, pending, unreadable }: RevokeAllReport): 0 | 1 {
  return failed + pending + unreadable > 0 ? 1 : 0;
}
