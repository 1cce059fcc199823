/** Finds grants without a live pod: read from the ledger, and checked against the pods of their namespaces. */
import { version } from 'uuid';
import { claimsOf, holderOf } from '../../shared/grants/claims.ts';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import { DocumentDeleted } from '../../shared/vault/kv.ts';
import type { StoredRecord } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { scopeOfLease } from '../../shared/vault/slots.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { allStates } from './all-states.ts';
import type { Orphan } from './brake.ts';
import type { Sweep } from './context.ts';
import { initialState, isBeyondReach, isForeign, looksYoung, recordOf, tokenEndOf } from './grant-state.ts';
import { countStuck, isOfOneGrant } from './stuck.ts';

export interface Orphans {
  /** Grants that certainly have no pod. */
  readonly gone: readonly Orphan[];
  /** Undecidable: a list failed, or the record may be another cluster's. They are kept alive. */
  readonly undecided: readonly string[];
}

// The Go injector's uuids have other versions.
const OUR_UUIDS = 7;

/** @param unclaimed grants of this shard that no live pod of their namespace names. */
export async function findOrphans(unclaimed: readonly string[], sweep: Sweep): Promise<Orphans> {
  const { ours, unnamed } = await splitByOwner(await readRecords(unclaimed, sweep), sweep);
  const { gone, kept } = await checkPods(ours, sweep);
  const { originals, copies, unknown } = await splitCopies(gone, sweep);
  for (const { uuid, record } of copies) {
    sweep.report.unreadable += 1;
    sweep.log.warn(
      "a record names the lease or token of a live pod's grant: it is a copy, and is left alone",
      {
        uuid,
        namespace: record.namespace,
      },
    );
  }
  return { gone: originals, undecided: [...unnamed, ...kept, ...unknown].map(({ uuid }) => uuid) };
}

async function readRecords(unclaimed: readonly string[], sweep: Sweep): Promise<Orphan[]> {
  const { index, options, startedAt } = sweep;
  const found: Orphan[] = [];
  const candidates = unclaimed.filter((uuid) => {
    const known = index.get(uuid);
    const foreign = known !== undefined && isForeign(known, sweep);
    return !foreign && !looksYoung(uuid, startedAt, options.gracePeriodSeconds);
  });
  const readOne = async (uuid: string) => {
    const read = await sweep.ledger.read(uuid, sweep.work).catch((error: unknown) => {
      if (error instanceof DocumentDeleted) return deleted(uuid, error, sweep);
      throw error;
    });
    const stored = read ?? (index.get(uuid)?.recordLost ? remembered(uuid, sweep) : undefined);
    if (!stored) return;
    const state = initialState(uuid, stored, { startedAt, random: sweep.random, ...options });
    if (isForeign(state, sweep)) index.set(uuid, state);
    else if (isOldEnough(stored, sweep)) found.push(orphanOf(uuid, stored, sweep));
  };
  await sweep.forEach(candidates, readOne, {
    name: (uuid) => ({ uuid }),
    onFailure: async (uuid, thrown) => {
      if (isOfOneGrant(thrown)) countStuck('a record cannot be read', { uuid }, thrown, sweep);
      else throw thrown;
    },
  });
  return found;
}

function orphanOf(uuid: string, { record, writtenAt }: StoredRecord, { index }: Sweep): Orphan {
  const issuedAt = Math.min(uuidTime(uuid) ?? writtenAt.getTime(), writtenAt.getTime());
  return { uuid, record, issuedAt, hadPod: index.get(uuid)?.hadPod ?? false };
}

/** The pod may still be in admission; the record's time comes from Vault. */
function isOldEnough({ record, writtenAt }: StoredRecord, { startedAt, options }: Sweep): boolean {
  // Revocation has begun, so it was old enough then.
  return (
    record.revokingSince !== undefined || startedAt - writtenAt.getTime() > options.gracePeriodSeconds * 1_000
  );
}

/**
 * A record whose newest version is deleted: either the Go injector has ended the grant, and left the record so, or
 * somebody deleted it by hand. The sweep's memory has enough to revoke the grant.
 */
async function deleted(
  uuid: string,
  error: DocumentDeleted,
  sweep: Sweep,
): Promise<StoredRecord | undefined> {
  const stored = remembered(uuid, sweep);
  if (stored) return stored;
  // Unknown grant: neither its owner nor what to revoke is known.
  if (version(uuid) === OUR_UUIDS) throw error;
  await sweep.ledger.remove(uuid, sweep.work);
  return undefined;
}

/** The memory's knowledge of an orphaned grant, instead of its record. */
function remembered(uuid: string, { index, log, startedAt }: Sweep): StoredRecord | undefined {
  const known = index.get(uuid);
  if (!known) return undefined;
  if (isBeyondReach(known) && startedAt > tokenEndOf(known)) {
    log.warn('a grant with neither a known lease nor a known token has ended with its token', {
      uuid,
      namespace: known.namespace,
    });
    index.delete(uuid);
    return undefined;
  }
  const { namespace, leaseId, issuedAt } = known;
  log.warn('the record of an orphaned grant is deleted: it is revoked from the memory of the sweep', {
    uuid,
    namespace,
    mount: scopeOfLease(namespace, leaseId)?.mount,
  });
  return { record: recordOf(known), writtenAt: new Date(issuedAt), version: 0 };
}

/** Records that name no cluster may be another one's. */
async function splitByOwner(orphans: readonly Orphan[], sweep: Sweep) {
  const isUnnamed = ({ record }: Orphan) => ownershipOf(record, sweep.clusterId) === 'unnamed';
  const unnamed = orphans.filter(isUnnamed);
  if (unnamed.length === 0 || sweep.options.maxRevokeFraction === 1 || (await sweep.ownsUnnamed()))
    return { ours: orphans, unnamed: [] };
  sweep.log.warn(
    `${unnamed.length} grants name no cluster, and another cluster sweeps under this vaultSecretPrefix without a clusterId: they are kept; give that one its own prefix, or a clusterId`,
  );
  return { ours: orphans.filter((orphan) => !isUnnamed(orphan)), unnamed };
}

/**
 * A pod that has lost its label is no longer listed but still lives: so all pods of the namespace are listed,
 * whatever their labels.
 */
async function checkPods(orphans: readonly Orphan[], sweep: Sweep) {
  const pods: LivePod[] = [];
  const unread = new Set<string>();
  const readNamespace = async (namespace: string) => {
    unread.add(namespace);
    for (const pod of await sweep.pods.listNamespace(namespace, sweep.work.deadline)) pods.push(pod);
    unread.delete(namespace);
  };
  const namespaces = new Set(orphans.map(({ record }) => record.namespace));
  await sweep.forEach(namespaces, readNamespace, { name: (namespace) => ({ namespace }) });
  const claims = claimsOf(pods);
  const isUnlabelled = ({ uuid, record }: Orphan) => holderOf(claims, uuid, record.namespace) !== undefined;
  const unlabelled = orphans.filter(isUnlabelled).length;
  if (unlabelled > 0) {
    sweep.log.warn(
      `${unlabelled} live pods have lost the label ${sweep.options.injectorLabel}: their grants are kept`,
    );
  }
  const isGone = (orphan: Orphan) => !isUnlabelled(orphan) && !unread.has(orphan.record.namespace);
  return { gone: orphans.filter(isGone), kept: orphans.filter((orphan) => !isGone(orphan)) };
}

/**
 * A record may be a copy of a live pod's, under another name, with the live pod's lease and token. If the record of a
 * live pod's grant cannot be read, any orphan of its namespace may be a copy of it.
 */
async function splitCopies(orphans: readonly Orphan[], sweep: Sweep) {
  if (orphans.length === 0) return { originals: [], copies: [], unknown: [] };
  const { leases, accessors, unreadIn } = await heldByPods(orphans, sweep);
  const isCopy = ({ record: { leaseId, token } }: Orphan) =>
    leases.has(leaseId) || ('accessor' in token && accessors.has(token.accessor));
  const isUnknown = ({ record }: Orphan) => unreadIn.has(record.namespace);
  const others = orphans.filter((orphan) => !isCopy(orphan));
  return {
    copies: orphans.filter(isCopy),
    originals: others.filter((orphan) => !isUnknown(orphan)),
    unknown: others.filter(isUnknown),
  };
}

/** Leases and accessors of live pods' grants, and namespaces where one of them could not be read. */
async function heldByPods(orphans: readonly Orphan[], sweep: Sweep) {
  const { claims, startedAt, random, options, ledger, forEach } = sweep;
  const known = await allStates(sweep);
  const [leases, accessors, unreadIn] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const add = (state: GrantState, namespaces: ReadonlySet<string>) => {
    if (!namespaces.has(state.namespace)) return;
    leases.add(state.leaseId);
    accessors.add(state.accessor);
  };
  const concerned = new Set(orphans.map(({ record }) => record.namespace));
  const unread: [string, ReadonlySet<string>][] = [];
  for (const [uuid, pods] of claims) {
    const namespaces = new Set(pods.map(({ namespace }) => namespace));
    const state = known.get(uuid);
    if (state) add(state, namespaces);
    else if ([...namespaces].some((namespace) => concerned.has(namespace))) unread.push([uuid, namespaces]);
  }
  // A grant of another shard that has not swept yet, or one of ours that could not be read just now.
  const readOne = async ([uuid, namespaces]: [string, ReadonlySet<string>], work: Work) => {
    const stored = await ledger.read(uuid, work);
    if (stored) add(initialState(uuid, stored, { startedAt, random, ...options }), namespaces);
  };
  await forEach(unread, readOne, {
    name: ([uuid]) => ({ uuid }),
    onFailure: async ([, namespaces]) => {
      for (const namespace of namespaces) unreadIn.add(namespace);
    },
  });
  leases.delete('');
  accessors.delete('');
  return { leases, accessors, unreadIn };
}
