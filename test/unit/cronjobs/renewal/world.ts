/** A cluster, a ledger and a Vault of our own making, for faults that real ones cannot be brought to. */
import { v7 as newUuid } from 'uuid';
import { expect } from 'vitest';
import type { SweepDependencies } from '../../../../cronjobs/renewal/context.ts';
import { exitCodeOf } from '../../../../cronjobs/renewal/report.ts';
import { sweep } from '../../../../cronjobs/renewal/sweep.ts';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import type { LivePod } from '../../../../shared/kubernetes/pods.ts';
import { Secret } from '../../../../shared/secret.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { DocumentDeleted } from '../../../../shared/vault/kv.ts';
import type { LedgerRecord } from '../../../../shared/vault/ledger.ts';
import type { GrantState, LastSweep } from '../../../../shared/vault/sweep-memory.ts';
import { createKeptLog } from '../../../support/kept-log.ts';
import { RECORD } from '../../../support/ledger-record.ts';

export const NOW = Date.parse('2026-01-01T12:00:00Z');
export const MINUTE = 60_000;
/** Seconds. */
export const HOUR = 3_600;
const MONTH = 768 * HOUR;

interface GrantWishes {
  readonly clusterId?: string;
  readonly namespace?: string;
  /** What the clock of the instance that admits is ahead of Vault's, in minutes. */
  readonly clockAhead?: number;
  readonly token?: LedgerRecord['token'];
  /** Absent: made at its issue. */
  readonly uuid?: string;
}

/** What a test does not expect to be asked fails it. */
export function world() {
  const records = new Map<string, LedgerRecord>();
  const writtenAt = new Map<string, number>();
  const pods: LivePod[] = [];
  const renewed: string[] = [];
  const revoked: string[] = [];
  const removed: string[] = [];
  const evicted: string[] = [];
  const told: { readonly pod: string; readonly reason: string; readonly message: string }[] = [];
  /** By shard. */
  const indexes = new Map<number, Map<string, GrantState>>();
  let last: LastSweep | undefined;
  const aborted = new AbortController();
  const { log, lines } = createKeptLog();
  const changed = {
    now: NOW,
    skewMs: 0,
    /** Whether Vault's answers tell its time. */
    hasDate: true,
    clusterUid: async () => 'ours',
    onRenewal: async (_uuid: string) => {},
    onRevocation: async (_uuid: string) => {},
    /** Records whose newest version is deleted. */
    deleted: new Set<string>(),
    /** Records that cannot be read. */
    unread: new Map<string, Error>(),
    /** Why grants cannot be ended yet. */
    pending: new Map<string, string>(),
    /** Grants whose leases Vault does not know any more. */
    ended: new Set<string>(),
    /** Names in the ledger that no grant has. */
    others: [] as string[],
  };

  function grant(minutesAgo: number, wishes: GrantWishes = {}): string {
    const { clusterId, namespace = 'team', clockAhead = 0, token = new Secret('s.token') } = wishes;
    const issuedAt = NOW - minutesAgo * MINUTE;
    const { uuid = newUuid({ msecs: issuedAt + clockAhead * MINUTE }) } = wishes;
    writtenAt.set(uuid, issuedAt);
    records.set(uuid, {
      ...RECORD,
      leaseId: `db/creds/rw/${uuid}`,
      token,
      namespace,
      podName: '',
      leaseTtlSeconds: HOUR,
      tokenPeriodSeconds: MONTH,
      clusterId,
    });
    return uuid;
  }
  /** A live pod that names these grants. */
  function pod(...uuids: string[]): string {
    const name = `web-${newUuid()}`;
    pods.push({ namespace: 'team', name, uid: name, uuids });
    return name;
  }
  /** The same record under another name. */
  function copy(uuid: string, name: string): string {
    const record = records.get(uuid);
    if (!record) throw new Error('there is no such record');
    records.set(name, record);
    writtenAt.set(name, writtenAt.get(uuid) ?? NOW);
    return name;
  }
  function withoutPod(uuid: string): void {
    pods.splice(
      pods.findIndex(({ uuids }) => uuids.includes(uuid)),
      1,
    );
  }
  const uuidOf = (leaseId: string) => leaseId.slice(leaseId.lastIndexOf('/') + 1);

  function partsWith(options: Partial<SweepDependencies['options']>): SweepDependencies {
    return {
      slots: undefined,
      leases: { isGone: async (leaseId) => changed.ended.has(uuidOf(leaseId)) },
      ledger: {
        list: async () => ({ grants: [...records.keys()], others: changed.others }),
        read: async (uuid) => {
          const error = changed.unread.get(uuid);
          if (error) throw error;
          if (changed.deleted.has(uuid)) throw new DocumentDeleted('a record of the ledger');
          const record = records.get(uuid);
          return record && { record, writtenAt: new Date(writtenAt.get(uuid) ?? NOW), version: 1 };
        },
        write: async (uuid, record) => void records.set(uuid, record),
        replace: async () => expect.unreachable(),
        remove: async (uuid) => void removed.push(uuid),
      },
      renewals: {
        renewLease: async (leaseId, _, increment) => {
          await changed.onRenewal(uuidOf(leaseId));
          if (increment === undefined) renewed.push(uuidOf(leaseId));
          return increment ?? HOUR;
        },
        renewToken: async (token) => {
          if (!('accessor' in token)) return { seconds: MONTH, accessor: 'of-a-token' };
          renewed.push(`by ${token.accessor}`);
          return { seconds: MONTH, accessor: token.accessor };
        },
      },
      revocation: {
        revokeGrant: async (uuid, record) => {
          await changed.onRevocation(uuid);
          const reason = changed.pending.get(uuid);
          if (reason !== undefined) return { state: 'pending', reason };
          revoked.push('accessor' in record.token ? `${uuid} by ${record.token.accessor}` : uuid);
          records.delete(uuid);
          return { state: 'revoked' };
        },
      },
      sweeps: {
        readIndex: async (shard) => indexes.get(shard) ?? new Map(),
        writeIndex: async (shard, _, written) => void indexes.set(shard, new Map(written)),
        readLast: async () => (options.clusterId === undefined ? last : undefined),
        readUnnamed: async () => last,
        writeLast: async (_, written) => {
          last = written;
        },
      },
      pods: {
        listLive: async () => pods,
        listNamespace: async (namespace) => pods.filter((one) => one.namespace === namespace),
        get: async () => expect.unreachable(),
      },
      notices: {
        emit: async ({ name }, reason, message) => void told.push({ pod: name, reason, message }),
        evict: async ({ name }) => {
          evicted.push(name);
          return true;
        },
      },
      secrets: { setOwner: async () => true },
      readClusterUid: () => changed.clusterUid(),
      requestsSent: () => 0,
      metrics: createMetrics({ process: 'renewal', uuidLabel: false }),
      log,
      time: { now: () => changed.now, skewMs: () => (changed.hasDate ? changed.skewMs : undefined) },
      random: () => 0.5,
      options: {
        injectorLabel: 'vault-db-injector',
        syncIntervalSeconds: 300,
        gracePeriodSeconds: 120,
        maxRevokeFraction: 0.5,
        onMaxTtl: 'report',
        onLost: 'report',
        clusterId: undefined,
        shard: 0,
        shards: 1,
        ...options,
      },
    };
  }

  async function run(options: Partial<SweepDependencies['options']> = {}) {
    const report = await sweep(partsWith(options), deadlineIn(60_000, monotonicClock, aborted.signal));
    return { ...report, code: exitCodeOf(report) };
  }

  return {
    grant,
    copy,
    pod,
    withoutPod,
    run,
    records,
    renewed,
    revoked,
    removed,
    evicted,
    told,
    lines,
    changed,
    aborted,
    pods,
    remember: (memory: LastSweep) => {
      last = memory;
    },
    index: () => indexes.get(0) ?? new Map<string, GrantState>(),
    last: () => last,
  };
}
