/** Keeps grants alive: renews what is due, and reports a grant that cannot be kept in time. */

import { InjectorError } from '../../shared/errors.ts';
import { holderOf } from '../../shared/grants/claims.ts';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import { DocumentDeleted } from '../../shared/vault/kv.ts';
import { folderOfLease } from '../../shared/vault/leases.ts';
import { type StoredRecord, UnreadableRecord } from '../../shared/vault/ledger.ts';
import { GrantLost } from '../../shared/vault/renewals.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { Sweep } from './context.ts';
import { dueIn, initialState, isForeign } from './grant-state.ts';
import { emitEvent, warnOfEnd } from './pod-events.ts';
import { renewLease, renewToken } from './renew.ts';
import { setSecretOwner } from './secret-owner.ts';

/** A grant to keep. */
interface Kept {
  readonly uuid: string;
  readonly state: GrantState;
  /** The record, if this sweep has read it. */
  readonly stored: StoredRecord | undefined;
  /** The live pod that it is kept for; absent if it is kept because its owner is unknown. */
  readonly pod: LivePod | undefined;
}

/**
 * Keeps the grants of live pods, those that end first before the others.
 *
 * @returns grants that only pods of other namespaces name: claims that prove nothing.
 */
export async function keepClaimed(uuids: readonly string[], sweep: Sweep): Promise<string[]> {
  const claimedByOthers: string[] = [];
  const keepOne = async (uuid: string, work: Work) => {
    const grant = await read(uuid, sweep, work);
    if (!grant || isForeign(grant.state, sweep)) return;
    if (grant.pod) return keep(grant, sweep, work);
    const { namespace } = grant.state;
    sweep.log.warn('a pod names a grant of another namespace', { uuid, namespace });
    claimedByOthers.push(uuid);
  };
  await forEachByExpiry(uuids, keepOne, sweep);
  return claimedByOthers;
}

/** Keeps grants that may or may not have a pod: they are not revoked, so they must not expire either. */
export async function keepUndecided(uuids: readonly string[], sweep: Sweep): Promise<void> {
  const keepOne = async (uuid: string, work: Work) => {
    const grant = await read(uuid, sweep, work);
    if (grant && !isForeign(grant.state, sweep)) await keep(grant, sweep, work);
  };
  await forEachByExpiry(uuids, keepOne, sweep);
}

function forEachByExpiry(
  uuids: readonly string[],
  task: (uuid: string, work: Work) => Promise<void>,
  sweep: Sweep,
): Promise<void> {
  const { index, forEach, report } = sweep;
  // A grant without a known expiry may end at any time.
  const expiry = (uuid: string) => {
    const state = index.get(uuid);
    return state ? state.leaseRenewedAt + state.leaseTtlSeconds * 1_000 : 0;
  };
  const sorted = uuids.toSorted((left, right) => expiry(left) - expiry(right));
  return forEach(sorted, task, {
    name: (uuid) => nameOf(uuid, sweep),
    lane: (uuid) => folderOfLease(index.get(uuid)?.leaseId ?? ''),
    onFailure: (uuid, thrown) => onFailure(uuid, thrown, sweep),
    onLeft: (items) => {
      report.failed += items;
    },
  });
}

/** A grant's fields for the log, with its pod if one names it. */
function nameOf(uuid: string, { claims, index }: Sweep) {
  const [pod] = claims.get(uuid) ?? [];
  const namespace = pod?.namespace ?? index.get(uuid)?.namespace;
  return { uuid, ...(namespace !== undefined && { namespace }), ...(pod && { pod: pod.name }) };
}

/** Read once in a grant's life, or again if the sweep's memory was lost. */
async function read(uuid: string, sweep: Sweep, work: Work): Promise<Kept | undefined> {
  const podIn = (namespace: string) => holderOf(sweep.claims, uuid, namespace);
  const known = sweep.index.get(uuid);
  if (known) return { uuid, state: known, stored: undefined, pod: podIn(known.namespace) };
  const found = await sweep.ledger.read(uuid, work);
  if (!found) return recordGone(uuid, sweep);
  const stored = await stamped(uuid, found, sweep, work);
  const { options, startedAt, random } = sweep;
  const state = initialState(uuid, stored, { startedAt, random, ...options });
  sweep.index.set(uuid, state);
  return { uuid, state, stored, pod: podIn(state.namespace) };
}

/** The ledger had it when it was listed and no longer does: the revocation function has handled its pod's deletion. */
function recordGone(uuid: string, { log }: Sweep): undefined {
  log.debug('a grant has ended since the ledger was listed', { uuid });
  return undefined;
}

/** A record without a cluster name is ours if a pod of ours names it. Another cluster is told so. */
async function stamped(uuid: string, stored: StoredRecord, sweep: Sweep, work: Work): Promise<StoredRecord> {
  const { record } = stored;
  if (ownershipOf(record, sweep.clusterId) !== 'unnamed' || sweep.clusterId === undefined) return stored;
  if (!holderOf(sweep.claims, uuid, record.namespace) || (await sweep.ownsUnnamed())) return stored;
  const ours = { ...record, clusterId: sweep.clusterId };
  await sweep.ledger.write(uuid, ours, work);
  return { ...stored, record: ours };
}

async function keep(grant: Kept, sweep: Sweep, work: Work): Promise<void> {
  const { uuid, pod } = grant;
  const { report, startedAt, index, log } = sweep;
  report.live += 1;
  const due = dueIn(grant.state, startedAt);
  const isDue = due.lease || due.token;
  if (isDue) report.due += 1;
  try {
    await renewDue(grant, due, sweep, work);
  } catch (error) {
    if (error instanceof GrantLost) return lost(uuid, error, pod, sweep);
    throw error;
  }
  if (isDue) {
    report.renewed += 1;
    sweep.renewed.add(uuid);
    log.debug('grant renewed', nameOf(uuid, sweep));
  }
  const state = index.get(uuid);
  if (!pod || !state) return;
  if (state.secretToOwn !== '') index.set(uuid, await setSecretOwner(uuid, state, pod, sweep));
  await warnOfEnd(uuid, state, pod, sweep);
}

/** Remembered at once: the rest may fail. */
async function renewDue(
  { uuid, state: known, stored, pod }: Kept,
  due: { readonly lease: boolean; readonly token: boolean },
  sweep: Sweep,
  work: Work,
): Promise<void> {
  const { index } = sweep;
  let state: GrantState = pod && !known.hadPod ? { ...known, hadPod: true } : known;
  index.set(uuid, state);
  if (due.lease) state = await renewLease(uuid, state, sweep, work);
  index.set(uuid, state);
  if (due.token) state = await renewToken({ uuid, state, stored, pod }, sweep, work);
  index.set(uuid, state);
}

async function lost(uuid: string, error: GrantLost, pod: LivePod | undefined, sweep: Sweep): Promise<void> {
  const { report, log, notices, options, work } = sweep;
  report.lost += 1;
  sweep.lost.add(uuid);
  const names = { uuid, namespace: pod?.namespace ?? '', pod: pod?.name ?? '' };
  log.error("a live pod's grant is lost", error, names);
  if (!pod) return;
  const message = `Database credentials of this pod (grant ${uuid}) do not work any more: ${error.message}`;
  await emitEvent(pod, 'GrantLost', message, sweep);
  if (options.onLost === 'evict' && (await notices.evict(pod, work.deadline))) report.evicted += 1;
}

/**
 * Handles a failure of the grant itself: the pod's owner is told while there is time. Vault or the API server being
 * away is temporary and affects everyone.
 *
 * @throws what counts as a failure of the sweep.
 */
async function onFailure(uuid: string, thrown: unknown, sweep: Sweep): Promise<void> {
  const [pod] = sweep.claims.get(uuid) ?? [];
  const isPassing = !(thrown instanceof InjectorError) || thrown.retryable;
  if (isPassing) throw thrown;
  const words = printable(thrown.message, 300);
  if (!sweep.index.has(uuid)) return recordUnread(uuid, thrown, pod, sweep);
  if (pod) {
    const message = `Vault refuses to renew the database credentials of this pod (grant ${uuid}): ${words}. They end with their lease unless somebody fixes it.`;
    await emitEvent(pod, 'RenewalRefused', message, sweep);
  }
  throw thrown;
}

/** The lease to renew is known from the record only. */
async function recordUnread(
  uuid: string,
  error: InjectorError,
  pod: LivePod | undefined,
  sweep: Sweep,
): Promise<void> {
  const { report, log } = sweep;
  const words = printable(error.message, 300);
  const message = `The record of this pod's database credentials (grant ${uuid}) cannot be read, so nobody renews them: ${words}. Recreate the pod.`;
  if (pod) await emitEvent(pod, 'RecordLost', message, sweep);
  if (error instanceof UnreadableRecord) throw error;
  if (error instanceof DocumentDeleted) {
    report.unknown += 1;
    log.warn("a live pod's record was deleted from the ledger", nameOf(uuid, sweep));
    return;
  }
  report.stuck += 1;
  log.error('a record cannot be read', error, nameOf(uuid, sweep));
}
