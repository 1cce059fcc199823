/** What a sweep found and did. */
export interface SweepReport {
  /** Grants of live pods, of this process' share. */
  live: number;
  /** Live grants whose lease or token had to be renewed. */
  due: number;
  renewed: number;
  /** Live grants that were due and are not renewed: in danger, if the next sweeps fail too. */
  overdue: number;
  /** Grants without a pod. */
  orphaned: number;
  revoked: number;
  /** Revoked, but Vault has not yet dropped the database user. */
  pending: number;
  /** What had to be done and could not be. */
  failed: number;
  /** Records that are none: kept, and nothing can be done for them. */
  unreadable: number;
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
    unreadable: 0,
    foreign: 0,
    withoutGrant: 0,
    unknown: 0,
    lost: 0,
    ending: 0,
    tooShort: 0,
    evicted: 0,
    braked: false,
    vaultRequests: 0,
    durationMs: 0,
  };
}

/**
 * 0: all that was due was renewed and all orphaned grants were revoked. 1: something was not. 3: the sweep stopped
 * before revoking suspiciously much.
 */
export function exitCodeOf(report: SweepReport): 0 | 1 | 3 {
  if (report.braked) return 3;
  return report.failed + report.unreadable + report.pending + report.lost > 0 ? 1 : 0;
}
