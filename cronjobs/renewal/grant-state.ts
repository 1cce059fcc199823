/** The remembered state of one grant, and what follows from it alone. */
import { ownershipOf } from '../../shared/grants/ownership.ts';
import { LATEST_MS } from '../../shared/numbers.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import type { LedgerRecord, StoredRecord } from '../../shared/vault/ledger.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { dueAt } from './due.ts';

/** Vault's time is in whole seconds, so a time slightly ahead may be now. */
const CLOCK_TOLERANCE_MS = 5_000;

/** Vault's default limit for tokens, assumed for one whose record did not tell its period. */
const LONGEST_TOKEN_SECONDS = 768 * 3_600;

/** Cluster and time for new states. */
interface Moment {
  /** Vault's time, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly syncIntervalSeconds: number;
  readonly random: () => number;
}

/**
 * The state of a grant whose last renewal is unknown: it was renewed when it was issued, or we assume nothing and
 * renew now.
 */
export function initialState(
  uuid: string,
  { record, writtenAt }: StoredRecord,
  { startedAt, syncIntervalSeconds, random }: Moment,
): GrantState {
  const issuedAt = issueTime(uuid, writtenAt);
  const due = (lifeSeconds: number | undefined) => {
    if (lifeSeconds === undefined || startedAt - issuedAt >= (lifeSeconds / 2) * 1_000) return 0;
    return dueAt(issuedAt, lifeSeconds, syncIntervalSeconds, random());
  };
  return {
    namespace: record.namespace,
    leaseId: record.leaseId,
    issuedAt,
    leaseTtlSeconds: record.leaseTtlSeconds ?? 0,
    leaseRenewedAt: issuedAt,
    leaseDueAt: record.leaseId === '' ? LATEST_MS : due(record.leaseTtlSeconds),
    tokenPeriodSeconds: record.tokenPeriodSeconds ?? 0,
    tokenRenewedAt: issuedAt,
    tokenDueAt: due(record.tokenPeriodSeconds),
    probedAt: 0,
    endsAt: 0,
    clusterId: record.clusterId ?? '',
    secretToOwn: record.secretName ?? '',
    tokenEndSeen: 0,
    accessor: 'accessor' in record.token ? record.token.accessor : '',
    hadPod: false,
    recordLost: false,
  };
}

/**
 * The earlier of two times: a uuid has the clock of the instance that issued it, and a record may have been
 * rewritten.
 */
function issueTime(uuid: string, writtenAt: Date): number {
  const written = writtenAt.getTime();
  return Math.min(uuidTime(uuid) ?? written, written);
}

/** Which of the two has to be renewed. A renewal in the future was recorded by a wrong clock, so its time is unknown. */
export function dueIn(state: GrantState, now: number): { readonly lease: boolean; readonly token: boolean } {
  const isAhead = (time: number) => time > now + CLOCK_TOLERANCE_MS;
  return {
    lease: state.leaseId !== '' && (now >= state.leaseDueAt || isAhead(state.leaseRenewedAt)),
    token: now >= state.tokenDueAt || isAhead(state.tokenRenewedAt),
  };
}

/**
 * Whether the uuid says that the grant's pod may still be in admission. A uuid from the future was made by a wrong
 * clock and says nothing: the record decides.
 */
export function looksYoung(uuid: string, now: number, gracePeriodSeconds: number): boolean {
  const made = uuidTime(uuid);
  return made !== undefined && made <= now + CLOCK_TOLERANCE_MS && now - made <= gracePeriodSeconds * 1_000;
}

/** The credentials' lifetime without renewal, in seconds: a lease ends with its token. */
export function lifeOf({ leaseTtlSeconds, tokenPeriodSeconds }: GrantState): number {
  // 0: the reference's record does not say, and there was no renewal yet.
  return tokenPeriodSeconds > 0 ? Math.min(leaseTtlSeconds, tokenPeriodSeconds) : leaseTtlSeconds;
}

/** Whether the record is another cluster's. An unidentified cluster makes no grant a foreign one. */
export function isForeign(
  { clusterId }: Pick<GrantState, 'clusterId'>,
  ours: { readonly clusterId: string | undefined },
): boolean {
  return ownershipOf({ clusterId: clusterId || undefined }, ours.clusterId) === 'foreign';
}

/** Whether nothing is known by which Vault could end the grant once its record is gone. */
export function isBeyondReach({ leaseId, accessor }: GrantState): boolean {
  return leaseId === '' && accessor === '';
}

/** When the token ends unless it is renewed, in milliseconds since 1970. */
export function tokenEndOf({ tokenRenewedAt, tokenPeriodSeconds }: GrantState): number {
  return tokenRenewedAt + (tokenPeriodSeconds || LONGEST_TOKEN_SECONDS) * 1_000;
}

/** A substitute for a record that is gone: enough to end its grant. */
export function recordOf({ namespace, leaseId, accessor, clusterId }: GrantState): LedgerRecord {
  return {
    namespace,
    leaseId,
    token: { accessor },
    serviceAccountName: '',
    podName: '',
    nodeName: '',
    clusterId: clusterId === '' ? undefined : clusterId,
    // There is no record to mark.
    revokingSince: new Date(0).toISOString(),
  };
}
