/** Grants in use: what is due is renewed, and what cannot be kept is reported in time. */
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import type { StoredRecord } from '../../shared/vault/ledger.ts';
import { GrantLost } from '../../shared/vault/renewals.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { dueAt, noticeAt } from './due.ts';
import type { Sweep } from './sweep.ts';

/** How often Vault is asked for the end of a lease. */
const PROBE_EVERY_MS = 12 * 3_600_000;
const OWNER_WITHIN_MS = 3_000;
/** So often in a row a token has to come back with the same end before that is believed: its period may have been changed. */
const SAME_END_TIMES = 2;

/**
 * @param podsKnown whether `claims` tells the truth; if not, every grant is kept alive.
 * @returns grants that only pods of other namespaces name: claims that prove nothing.
 */
export async function keepAlive(
  uuids: readonly string[],
  sweep: Sweep,
  podsKnown: boolean,
): Promise<string[]> {
  const claimedByOthers: string[] = [];
  const keepOne = async (uuid: string) => {
    const known = sweep.index.get(uuid);
    const grant = known ? { state: known, stored: undefined } : await firstSight(uuid, sweep);
    if (!grant) return withoutRecord(uuid, sweep);
    if (isForeign(grant.state, sweep)) return;
    const pod = sweep.claims.get(uuid)?.find(({ namespace }) => namespace === grant.state.namespace);
    if (podsKnown && !pod) {
      sweep.log.warn('a pod names a grant of another namespace', { uuid, namespace: grant.state.namespace });
      claimedByOthers.push(uuid);
      return;
    }
    sweep.report.live += 1;
    await keep(uuid, grant.state, grant.stored, pod, sweep);
  };
  await sweep.forEach(uuids, keepOne, (uuid) => ({ uuid }));
  return claimedByOthers;
}

interface Grant {
  readonly state: GrantState;
  readonly stored: StoredRecord | undefined;
}

/** The record is read once in a grant's life, or once more where the sweep's memory was lost. */
async function firstSight(uuid: string, sweep: Sweep): Promise<Grant | undefined> {
  const found = await sweep.ledger.read(uuid, sweep.work);
  const stored = found && (await stamped(uuid, found, sweep));
  if (!stored) return undefined;
  const state = initialState(uuid, stored, sweep);
  sweep.index.set(uuid, state);
  return { state, stored };
}

/** A record that does not say of which cluster it is: of ours, if a pod of ours names it. Another cluster is told so. */
async function stamped(uuid: string, stored: StoredRecord, sweep: Sweep): Promise<StoredRecord> {
  const { record } = stored;
  if (record.clusterId !== undefined || sweep.clusterId === undefined) return stored;
  const claimed = sweep.claims.get(uuid)?.some(({ namespace }) => namespace === record.namespace);
  if (!claimed || (await sweep.ownsUnnamed())) return stored;
  const ours = { ...record, clusterId: sweep.clusterId };
  await sweep.ledger.write(uuid, ours, sweep.work);
  return { ...stored, record: ours };
}

/** Decided anew by each sweep: a cluster that could not be told once must not make its own grants strange for ever. */
export function isForeign({ clusterId }: Pick<GrantState, 'clusterId'>, sweep: Sweep): boolean {
  return clusterId !== '' && sweep.clusterId !== undefined && clusterId !== sweep.clusterId;
}

/** The ledger lists the uuid, and has no record under it: somebody deleted its latest version. */
function withoutRecord(uuid: string, { claims, report, log }: Sweep): void {
  const [pod] = claims.get(uuid) ?? [];
  if (!pod) return;
  report.unknown += 1;
  log.warn("a live pod's record was deleted from the ledger", {
    uuid,
    namespace: pod.namespace,
    pod: pod.name,
  });
}

/** Of a record whose last renewal nobody remembers: it was at its issue, or we do not know and renew now. */
export function initialState(uuid: string, { record, writtenAt }: StoredRecord, sweep: Sweep): GrantState {
  const issuedAt = uuidTime(uuid) ?? writtenAt.getTime();
  const due = (lifeSeconds: number | undefined) => {
    if (lifeSeconds === undefined || sweep.startedAt - issuedAt >= (lifeSeconds / 2) * 1_000) return 0;
    return dueAt(issuedAt, lifeSeconds, sweep.options.syncIntervalSeconds, sweep.random());
  };
  return {
    namespace: record.namespace,
    leaseId: record.leaseId,
    issuedAt,
    leaseTtlSeconds: record.leaseTtlSeconds ?? 0,
    leaseRenewedAt: issuedAt,
    leaseDueAt: record.leaseId === '' ? Number.MAX_SAFE_INTEGER : due(record.leaseTtlSeconds),
    tokenPeriodSeconds: record.tokenPeriodSeconds ?? 0,
    tokenRenewedAt: issuedAt,
    tokenDueAt: due(record.tokenPeriodSeconds),
    probedAt: 0,
    endsAt: 0,
    clusterId: record.clusterId ?? '',
    secretToOwn: record.secretName ?? '',
    tokenEndSeen: 0,
  };
}

async function keep(
  uuid: string,
  known: GrantState,
  stored: StoredRecord | undefined,
  pod: LivePod | undefined,
  sweep: Sweep,
): Promise<void> {
  const { report, startedAt } = sweep;
  let state = known;
  const isDue = startedAt >= state.leaseDueAt || startedAt >= state.tokenDueAt;
  if (isDue) report.due += 1;
  try {
    if (startedAt >= state.leaseDueAt) state = await renewLease(uuid, state, sweep);
    sweep.index.set(uuid, state);
    if (startedAt >= state.tokenDueAt) state = await renewToken(uuid, state, stored, sweep);
    sweep.index.set(uuid, state);
  } catch (error) {
    if (error instanceof GrantLost) return lost(uuid, error, pod, sweep);
    throw error;
  }
  if (pod && state.secretToOwn !== '') {
    state = await ownSecret(uuid, state, pod, sweep);
    sweep.index.set(uuid, state);
  }
  if (isDue) {
    report.renewed += 1;
    sweep.log.debug('grant renewed', { uuid, namespace: state.namespace, ...(pod && { pod: pod.name }) });
  }
  if (pod) await warn(uuid, state, pod, sweep);
}

/**
 * Once a grant's life: from then on Kubernetes, too, sees to it that the Secret goes with its pod. That it fails harms no
 * credential, and the next sweep tries again.
 */
async function ownSecret(uuid: string, state: GrantState, pod: LivePod, sweep: Sweep): Promise<GrantState> {
  const { secrets, work, log } = sweep;
  const facts = { uuid, namespace: pod.namespace, pod: pod.name };
  // Renewals wait for it, so it has little time.
  const deadline = deadlineIn(OWNER_WITHIN_MS, monotonicClock, work.deadline.signal);
  try {
    if (!(await secrets.setOwner(state.secretToOwn, pod, deadline))) {
      log.warn(`the Secret ${state.secretToOwn} of a live pod is gone: the pod cannot start anew`, facts);
      await tell(
        pod,
        'SecretGone',
        `The Secret ${state.secretToOwn} with this pod's database credentials (grant ${uuid}) is gone: its containers cannot be started anew, the pod has to be replaced`,
        sweep,
      );
    }
    return { ...state, secretToOwn: '' };
  } catch (error) {
    log.error(`the pod could not be made the owner of its Secret ${state.secretToOwn}`, error, facts);
    return state;
  } finally {
    deadline.release();
  }
}

async function renewLease(uuid: string, state: GrantState, sweep: Sweep): Promise<GrantState> {
  const { renewals, work, metrics, now, random, options, leaseEnd } = sweep;
  const { namespace, leaseId } = state;
  try {
    const probed = now() - state.probedAt >= PROBE_EVERY_MS && state.endsAt === 0;
    const extend = (seconds: number) => renewals.renewLease(leaseId, work, seconds);
    const endsAt = probed ? await leaseEnd(state, now(), extend) : state.endsAt;
    const leaseTtlSeconds = await renewals.renewLease(leaseId, work);
    metrics.count('renew_lease_count_success', { uuid, namespace });
    const renewedAt = now();
    return {
      ...state,
      leaseTtlSeconds,
      leaseRenewedAt: renewedAt,
      leaseDueAt: dueAt(renewedAt, leaseTtlSeconds, options.syncIntervalSeconds, random()),
      probedAt: probed ? renewedAt : state.probedAt,
      endsAt,
    };
  } catch (error) {
    metrics.count('renew_lease_count_error', { uuid, namespace });
    throw error;
  }
}

async function renewToken(
  uuid: string,
  state: GrantState,
  stored: StoredRecord | undefined,
  sweep: Sweep,
): Promise<GrantState> {
  const { renewals, ledger, work, metrics, now, random, options } = sweep;
  const { namespace } = state;
  const found = stored ?? (await ledger.read(uuid, work));
  if (!found) throw new GrantLost('record');
  try {
    const tokenPeriodSeconds = await renewals.renewToken(found.record.token, work);
    metrics.count('renew_token_count_success', { uuid, namespace });
    const tokenRenewedAt = now();
    const tokenEndSeen = hasSameEnd(state, tokenRenewedAt, tokenPeriodSeconds) ? state.tokenEndSeen + 1 : 0;
    const isEnding = tokenEndSeen >= SAME_END_TIMES;
    const endsAt = isEnding ? tokenRenewedAt + tokenPeriodSeconds * 1_000 : state.endsAt;
    const tokenDueAt = dueAt(tokenRenewedAt, tokenPeriodSeconds, options.syncIntervalSeconds, random());
    return { ...state, tokenPeriodSeconds, tokenRenewedAt, tokenDueAt, tokenEndSeen, endsAt };
  } catch (error) {
    metrics.count('renew_token_count_error', { uuid, namespace });
    throw error;
  }
}

/** Of a login, which has a last day (token_max_ttl): renewed, it lasts no longer than before, and its leases end with it. */
function hasSameEnd(
  { tokenRenewedAt, tokenPeriodSeconds }: GrantState,
  now: number,
  seconds: number,
): boolean {
  const gained = now + seconds * 1_000 - (tokenRenewedAt + tokenPeriodSeconds * 1_000);
  return Math.abs(gained) < 0.1 * (now - tokenRenewedAt);
}

async function lost(uuid: string, error: GrantLost, pod: LivePod | undefined, sweep: Sweep): Promise<void> {
  const { report, log, notices, options, work } = sweep;
  report.lost += 1;
  sweep.lost.add(uuid);
  log.error("a live pod's grant is lost", error, {
    uuid,
    namespace: pod?.namespace ?? '',
    pod: pod?.name ?? '',
  });
  if (!pod) return;
  await tell(
    pod,
    'GrantLost',
    `Database credentials of this pod (grant ${uuid}) do not work any more: ${error.message}`,
    sweep,
  );
  if (options.onLost === 'evict' && (await notices.evict(pod, work.deadline))) report.evicted += 1;
}

async function warn(uuid: string, state: GrantState, pod: LivePod, sweep: Sweep): Promise<void> {
  const { report, options, notices, work, now } = sweep;
  if (state.endsAt > 0 && now() >= noticeAt(state.issuedAt, state.endsAt)) {
    report.ending += 1;
    const end = new Date(state.endsAt).toISOString();
    await tell(
      pod,
      'LeaseEnding',
      `Database credentials of this pod (grant ${uuid}) end at ${end} (max_ttl of their role) and cannot be extended: the pod has to be replaced before`,
      sweep,
    );
    if (options.onMaxTtl === 'evict' && (await notices.evict(pod, work.deadline))) report.evicted += 1;
  } else if (state.endsAt === 0 && lifeOf(state) < 2 * options.syncIntervalSeconds) {
    report.tooShort += 1;
    const what = lifeOf(state) < state.leaseTtlSeconds ? 'token' : 'lease';
    await tell(
      pod,
      'LeaseTooShort',
      `The ${what} of this pod's database credentials (grant ${uuid}) lasts ${lifeOf(state)} s, less than two sync intervals (${2 * options.syncIntervalSeconds} s): it cannot be kept`,
      sweep,
    );
  }
}

/** How long its credentials last without being renewed, in seconds: a lease ends with its token. */
export function lifeOf({ leaseTtlSeconds, tokenPeriodSeconds }: GrantState): number {
  // 0: the reference's record does not say, and nobody has renewed it yet.
  return tokenPeriodSeconds > 0 ? Math.min(leaseTtlSeconds, tokenPeriodSeconds) : leaseTtlSeconds;
}

/** An Event that cannot be made is no reason to call the sweep failed: the log has it. */
export async function tell(
  pod: LivePod,
  reason: Parameters<Sweep['notices']['tell']>[1],
  message: string,
  sweep: Sweep,
): Promise<void> {
  await sweep.notices.tell(pod, reason, message, sweep.work.deadline).catch((error: unknown) => {
    sweep.log.error('an Event could not be made', error, { namespace: pod.namespace, pod: pod.name });
  });
}
