/** What a sweep found and did. */
export interface SweepReport {
  /** Live pods' grants of this process' shard. */
  live: number;
  /** Live grants whose lease or token had to be renewed. */
  due: number;
  renewed: number;
  /** Live grants that were due and not renewed: in danger if the next sweeps fail too. */
  overdue: number;
  /** Grants without a pod. */
  orphaned: number;
  revoked: number;
  /** Revoked, but Vault has not yet dropped the database user. */
  pending: number;
  /** Failed steps. */
  failed: number;
  /** Deleted pods' grants that cannot be revoked, and records that cannot be read, each for its own reason. */
  stuck: number;
  /** Entries of the ledger that are not records, and copies of records: left alone. */
  unreadable: number;
  /** Grants that never had a pod, too many to revoke: they end with their leases. */
  neverBorn: number;
  /** Live pods' grants whose records are gone from the ledger: renewed by the sweep's memory. */
  recordsLost: number;
  /** Grants of other clusters under the same prefix. */
  foreign: number;
  /** Live pods with the label and no grant. */
  withoutGrant: number;
  /** Uuids of live pods that the ledger does not know. */
  unknown: number;
  /** Live pods' grants that are gone from Vault. */
  lost: number;
  /** Live pods' leases that Vault will not extend much longer. */
  ending: number;
  /** Live pods' leases that are too short for the interval. */
  tooShort: number;
  evicted: number;
  /** Whether the sweep refused to revoke as much as it found. */
  braked: boolean;
  /** How far this machine's clock is ahead of Vault's. */
  clockSkewSeconds: number;
  vaultRequests: number;
  durationMs: number;
}

export function newReport(): SweepReport {
  return {
    live: 0,
    due: 0,
    renewed: 0,
    overdue: 0,
    orphaned: 0,
    revoked: 0,
    pending: 0,
    failed: 0,
    stuck: 0,
    unreadable: 0,
    neverBorn: 0,
    recordsLost: 0,
    foreign: 0,
    withoutGrant: 0,
    unknown: 0,
    lost: 0,
    ending: 0,
    tooShort: 0,
    evicted: 0,
    braked: false,
    clockSkewSeconds: 0,
    vaultRequests: 0,
    durationMs: 0,
  };
}

// A single grant may be stuck for a reason of its own; if this many are, and more than succeeded, there is a common cause.
const MANY_STUCK = 5;

const isStuckAsAWhole = ({ stuck, renewed, revoked }: SweepReport) =>
  stuck >= MANY_STUCK && stuck > renewed + revoked;

/**
 * Whether the sweep completed, apart from single grants that cannot be renewed or revoked, which are counted
 * separately.
 */
export function hasSucceeded(report: SweepReport): boolean {
  return report.failed === 0 && !report.braked && !isStuckAsAWhole(report);
}

/**
 * 0: everything due was renewed and all orphaned grants were revoked, except those counted separately (`stuck`,
 * `pending`, `unreadable`, `neverBorn`). 1: something failed, or a live pod has lost its grant. 3: the sweep stopped
 * before it revoked suspiciously much.
 */
export function exitCodeOf(report: SweepReport): 0 | 1 | 3 {
  if (report.braked) return 3;
  return hasSucceeded(report) && report.lost === 0 ? 0 : 1;
}
