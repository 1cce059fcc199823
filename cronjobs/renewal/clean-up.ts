/** Orphaned grants: revoked and their records deleted, unless there are suspiciously many of them. */
import { uuidTime } from '../../shared/uuid-time.ts';
import type { LedgerRecord } from '../../shared/vault/ledger.ts';
import { initialState, isForeign, keepAlive } from './keep-alive.ts';
import type { Sweep } from './sweep.ts';

// So few may always go: a namespace with a handful of pods is deleted as a whole.
export const ALWAYS_ALLOWED = 20;
const UNKNOWN = { clusterId: '' };

/**
 * @param unclaimed grants of this share that no live pod of their namespace names.
 * @param all the whole ledger's grants, of all shares.
 */
export async function cleanUp(
  unclaimed: readonly string[],
  all: readonly string[],
  sweep: Sweep,
): Promise<void> {
  const { report, metrics, log } = sweep;
  const orphaned = await withoutPod(await ofUs(await readOrphaned(unclaimed, sweep), sweep), sweep);
  report.orphaned = orphaned.length;
  if (orphaned.length === 0) return;
  const [suspected, grants] = suspicious(orphaned.length, all, sweep);
  if (suspected > ALWAYS_ALLOWED && suspected > sweep.options.maxRevokeFraction * grants) {
    report.braked = true;
    log.warn(
      `${suspected} of ${grants} grants have no pod: nothing is revoked, since a wrong cluster, prefix or label is likelier; maxRevokeFraction: 1 goes through with it`,
    );
    // Not revoked, so not given up either: their pods may be where nobody looked.
    const kept = orphaned.map(({ uuid }) => uuid);
    await keepAlive(kept, sweep, false);
    return;
  }
  const revokeOne = async ({ uuid, record }: Orphan) => {
    const { namespace } = record;
    try {
      await revoke(uuid, record, sweep);
    } catch (error) {
      metrics.count('revoke_token_count_error', { uuid, namespace });
      throw error;
    }
  };
  await sweep.forEach(orphaned, revokeOne, ({ uuid, record }) => ({
    uuid,
    namespace: record.namespace,
    pod: record.podName,
  }));
  metrics.count(
    report.failed + report.pending > 0 ? 'pod_cleanup_count_error' : 'pod_cleanup_count_success',
    {},
  );
}

/** With one process, what was read; with several, each has read its own share only, and counts what nobody claims. */
function suspicious(orphaned: number, all: readonly string[], sweep: Sweep): [number, number] {
  const foreign = [...sweep.index.values()].filter((state) => isForeign(state, sweep)).length;
  if (sweep.options.shards === 1) return [orphaned, all.length - foreign];
  return [
    all.filter((uuid) => !sweep.claims.has(uuid) && isOldEnough(uuidTime(uuid), sweep)).length,
    all.length,
  ];
}

interface Orphan {
  readonly uuid: string;
  readonly record: LedgerRecord;
}

async function readOrphaned(unclaimed: readonly string[], sweep: Sweep): Promise<Orphan[]> {
  const orphaned: Orphan[] = [];
  // A pod may still be in admission: young ones are not even read.
  const candidates = unclaimed.filter(
    (uuid) => isOldEnough(uuidTime(uuid), sweep) && !isForeign(sweep.index.get(uuid) ?? UNKNOWN, sweep),
  );
  const readOne = async (uuid: string) => {
    const stored = await sweep.ledger.read(uuid, sweep.work);
    // Deleted since the ledger was listed, or a version that the reference deleted without its metadata.
    if (!stored) return sweep.ledger.remove(uuid, sweep.work);
    const state = initialState(uuid, stored, sweep);
    if (isForeign(state, sweep)) sweep.index.set(uuid, state);
    else if (isOldEnough(state.issuedAt, sweep)) orphaned.push({ uuid, record: stored.record });
  };
  await sweep.forEach(candidates, readOne, (uuid) => ({ uuid }));
  return orphaned;
}

/** Without those that name no cluster, and may be another one's: not revoked, so not given up either. */
async function ofUs(orphans: readonly Orphan[], sweep: Sweep): Promise<readonly Orphan[]> {
  const isUnnamed = ({ record }: Orphan) => record.clusterId === undefined;
  const unnamed = orphans.filter(isUnnamed);
  if (unnamed.length === 0 || sweep.options.maxRevokeFraction === 1 || (await sweep.ownsUnnamed()))
    return orphans;
  sweep.log.warn(
    `${unnamed.length} grants name no cluster, and another cluster sweeps under this vaultSecretPrefix without a clusterId: they are kept; give that one its own prefix, or a clusterId`,
  );
  await keepAlive(
    unnamed.map(({ uuid }) => uuid),
    sweep,
    false,
  );
  return orphans.filter((orphan) => !isUnnamed(orphan));
}

/**
 * Of those the ones whose pod is really gone: a pod that lost its label is listed no more, and lives on. Asked only
 * where something is to be revoked.
 */
async function withoutPod(orphans: readonly Orphan[], sweep: Sweep): Promise<Orphan[]> {
  const claimed = new Set<string>();
  const unread = new Set<string>();
  const readNamespace = async (namespace: string) => {
    unread.add(namespace);
    const pods = await sweep.pods.listNamespace(namespace, sweep.work.deadline);
    for (const { uuids } of pods) for (const uuid of uuids) claimed.add(`${namespace}/${uuid}`);
    unread.delete(namespace);
  };
  const namespaces = new Set(orphans.map(({ record }) => record.namespace));
  await sweep.forEach(namespaces, readNamespace, (namespace) => ({ namespace }));
  const isUnlabelled = ({ uuid, record }: Orphan) => claimed.has(`${record.namespace}/${uuid}`);
  const unlabelled = orphans.filter(isUnlabelled).length;
  if (unlabelled > 0) {
    sweep.log.warn(
      `${unlabelled} live pods have lost the label ${sweep.options.injectorLabel}: their grants are kept`,
    );
  }
  const isGone = (orphan: Orphan) => !isUnlabelled(orphan) && !unread.has(orphan.record.namespace);
  const kept = orphans.filter((orphan) => !isGone(orphan)).map(({ uuid }) => uuid);
  await keepAlive(kept, sweep, false);
  return orphans.filter(isGone);
}

/** A uuid that does not tell its time is asked again when its record has been read. */
export function isOldEnough(issuedAt: number | undefined, { startedAt, options }: Sweep): boolean {
  return issuedAt === undefined || startedAt - issuedAt > options.gracePeriodSeconds * 1_000;
}

async function revoke(uuid: string, record: LedgerRecord, sweep: Sweep): Promise<void> {
  const { report, metrics, log, index } = sweep;
  const { namespace, podName, database, role } = record;
  const startedAt = sweep.now();
  const outcome = await sweep.revocation.revokeGrant(uuid, record, sweep.work);
  metrics.count('revoke_token_count_success', { uuid, namespace });
  if (outcome.state === 'pending') {
    report.pending += 1;
    log.warn(`a revoked grant cannot be dropped yet: ${outcome.reason}`, { uuid, namespace });
    return;
  }
  metrics.count('delete_data_count_success', { uuid, namespace });
  index.delete(uuid);
  report.revoked += 1;
  const durationMs = sweep.now() - startedAt;
  log.info('orphaned grant revoked', { uuid, namespace, pod: podName, database, role, durationMs });
}
