import { v7 as newUuid } from 'uuid';
import { describe, expect, test } from 'vitest';
import { type SweepParts, sweep } from '../../../../cronjobs/renewal/sweep.ts';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import type { LivePod } from '../../../../shared/kubernetes/pods.ts';
import { Secret } from '../../../../shared/secret.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import type { LedgerRecord } from '../../../../shared/vault/ledger.ts';
import type { GrantState, LastSweep } from '../../../../shared/vault/sweep-memory.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 3_600;

/** A cluster, a ledger and a Vault of our own making; what a test does not expect to be asked fails it. */
function world() {
  const records = new Map<string, LedgerRecord>();
  const pods: LivePod[] = [];
  const renewed: string[] = [];
  const revoked: string[] = [];
  const evicted: string[] = [];
  let index = new Map<string, GrantState>();
  let last: LastSweep | undefined;
  const aborted = new AbortController();
  const changed: { clusterUid: () => Promise<string>; onRenewal: () => void } = {
    clusterUid: async () => 'ours',
    onRenewal: () => {},
  };

  function grant(minutesAgo: number, clusterId?: string): string {
    const uuid = newUuid({ msecs: NOW - minutesAgo * MINUTE });
    const record = { leaseId: `db/creds/rw/${uuid}`, token: new Secret('s.token'), namespace: 'team' };
    const rest = { serviceAccountName: 'web', podName: '', nodeName: '', leaseTtlSeconds: HOUR };
    records.set(uuid, { ...record, ...rest, tokenPeriodSeconds: 768 * HOUR, clusterId });
    return uuid;
  }
  function pod(...uuids: string[]): void {
    const name = `web-${pods.length}`;
    pods.push({ namespace: 'team', name, uid: name, uuids });
  }

  async function run(options: Partial<SweepParts['options']> = {}) {
    const parts: SweepParts = {
      held: undefined,
      ledger: {
        list: async () => [...records.keys()],
        read: async (uuid) => {
          const record = records.get(uuid);
          return record && { record, writtenAt: new Date(NOW), version: 1 };
        },
        write: async (uuid, record) => void records.set(uuid, record),
        replace: async () => expect.unreachable(),
        remove: async () => expect.unreachable(),
      },
      renewals: {
        renewLease: async (leaseId, _, increment) => {
          if (increment === undefined) renewed.push(leaseId.slice(leaseId.lastIndexOf('/') + 1));
          changed.onRenewal();
          return increment ?? HOUR;
        },
        renewToken: async () => expect.unreachable(),
      },
      revocation: {
        revokeGrant: async (uuid) => {
          revoked.push(uuid);
          records.delete(uuid);
          return { state: 'revoked' };
        },
      },
      sweeps: {
        readIndex: async () => index,
        writeIndex: async (_, __, written) => {
          index = new Map(written);
        },
        readLast: async () => (options.clusterId === undefined ? last : undefined),
        readUnnamed: async () => last,
        writeLast: async (_, written) => {
          last = written;
        },
      },
      pods: {
        listLive: async () => pods,
        listNamespace: async () => pods,
        get: async () => expect.unreachable(),
      },
      notices: {
        tell: async () => {},
        evict: async ({ name }) => {
          evicted.push(name);
          return true;
        },
      },
      secrets: { setOwner: async () => true },
      readClusterUid: () => changed.clusterUid(),
      requestsSent: () => 0,
      metrics: createMetrics({ process: 'renewal', uuidLabel: false }),
      log: {
        debug: () => {},
        info: () => {},
        warn: () => {},
        denied: () => {},
        error: () => {},
        sweep: () => {},
      },
      now: () => NOW,
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
    return sweep(parts, deadlineIn(60_000, monotonicClock, aborted.signal));
  }

  const remember = (memory: LastSweep) => {
    last = memory;
  };
  return {
    grant,
    pod,
    run,
    records,
    renewed,
    revoked,
    evicted,
    changed,
    aborted,
    remember,
    index: () => index,
  };
}

test('a cluster that cannot be told once does not make its own grants strange for ever', async () => {
  const { grant, pod, run, renewed, changed } = world();
  pod(grant(40, 'ours'));
  changed.clusterUid = async () => Promise.reject(new Error('away'));
  expect(await run()).toMatchObject({ live: 1, renewed: 1, foreign: 0, failed: 1 });
  changed.clusterUid = async () => 'ours';
  expect(await run()).toMatchObject({ live: 1, foreign: 0, failed: 0 });
  expect(renewed).toHaveLength(1);
});

test('what the brake keeps from being revoked is kept alive: its pods may be where nobody looked', async () => {
  const { grant, run, renewed, revoked } = world();
  const orphans = Array.from({ length: 30 }, () => grant(40));
  expect(await run()).toMatchObject({ orphaned: 30, braked: true, revoked: 0 });
  expect(revoked).toEqual([]);
  expect(renewed.sort()).toEqual(orphans.sort());
});

describe('under a prefix that another cluster sweeps', () => {
  test('nothing is revoked, all is kept alive, and our records say that they are ours', async () => {
    const { grant, pod, run, records, renewed, revoked, remember } = world();
    remember({ succeededAt: NOW, shortestLeaseSeconds: HOUR, clusterId: 'theirs', shards: 1 });
    const [ours, unclaimed] = [grant(40), grant(40)];
    pod(ours);
    expect(await run()).toMatchObject({ failed: 1, revoked: 0, renewed: 2 });
    expect(revoked).toEqual([]);
    expect(renewed.sort()).toEqual([ours, unclaimed].sort());
    expect([records.get(ours)?.clusterId, records.get(unclaimed)?.clusterId]).toEqual(['ours', undefined]);
  });

  test('and has no name, while ours has one: what names no cluster is kept, and ours is not', async () => {
    const { grant, pod, run, records, renewed, revoked, remember } = world();
    remember({ succeededAt: NOW, shortestLeaseSeconds: HOUR, clusterId: 'theirs', shards: 1 });
    const [ours, unclaimed, orphan] = [grant(40), grant(40), grant(40, 'named')];
    pod(ours);
    expect(await run({ clusterId: 'named' })).toMatchObject({ failed: 0, revoked: 1, renewed: 2 });
    expect([revoked, renewed.sort()]).toEqual([[orphan], [ours, unclaimed].sort()]);
    expect([records.get(ours)?.clusterId, records.get(unclaimed)?.clusterId]).toEqual(['named', undefined]);
  });
});

describe('a cluster that is given a name', () => {
  test.each([
    ['its own uid', 'ours'],
    ['another one', 'named'],
  ])('keeps and revokes its grants of before: %s', async (_, clusterId) => {
    const { grant, pod, run, renewed, revoked } = world();
    const [live, gone] = [grant(40), grant(40)];
    pod(live);
    // Its memory of before is in the folder that has no name.
    await run();
    expect(revoked).toEqual([gone]);
    const later = grant(40);
    renewed.length = 0;
    expect(await run({ clusterId })).toMatchObject({ failed: 0, revoked: 1, live: 1 });
    expect(revoked).toEqual([gone, later]);
  });

  test('revokes nothing that names no cluster while nobody can say whose it is', async () => {
    const { grant, run, revoked, remember, changed } = world();
    remember({ succeededAt: NOW, shortestLeaseSeconds: HOUR, clusterId: 'some uid', shards: 1 });
    changed.clusterUid = async () => Promise.reject(new Error('away'));
    grant(40);
    expect(await run({ clusterId: 'named' })).toMatchObject({ failed: 1, revoked: 0 });
    expect(revoked).toEqual([]);
  });
});

describe('under a prefix that another cluster has found to be ours', () => {
  const ours = { succeededAt: NOW, shortestLeaseSeconds: HOUR, clusterId: 'ours', shards: 1 };

  test('nothing is revoked: its grants could be taken for orphans of ours', async () => {
    const { grant, run, revoked, remember } = world();
    remember({ ...ours, rival: { clusterId: 'theirs', seenAt: NOW - 23 * 60 * MINUTE } });
    grant(40);
    expect(await run()).toMatchObject({ failed: 1, revoked: 0, renewed: 1 });
    expect(revoked).toEqual([]);
  });

  test('until it has not been seen for a day', async () => {
    const { grant, run, revoked, remember } = world();
    remember({ ...ours, rival: { clusterId: 'theirs', seenAt: NOW - 24 * 60 * MINUTE } });
    const orphan = grant(40);
    expect(await run()).toMatchObject({ failed: 0, revoked: 1 });
    expect(revoked).toEqual([orphan]);
  });
});

test('grants that end first are renewed first', async () => {
  const { grant, pod, run, renewed, index } = world();
  const uuids = [35, 55, 45].map((minutesAgo) => grant(minutesAgo));
  pod(...uuids);
  await run();
  for (const [uuid, state] of index())
    index().set(uuid, { ...state, leaseRenewedAt: state.issuedAt, leaseDueAt: 0 });
  renewed.length = 0;
  await run();
  expect(renewed).toEqual([...uuids].sort());
});

test('a sweep that is told to end remembers what it has renewed', async () => {
  const { grant, pod, run, changed, aborted, index } = world();
  pod(...Array.from({ length: 100 }, () => grant(40)));
  changed.onRenewal = () => aborted.abort();
  const { renewed, failed } = await run();
  expect(failed).toBeGreaterThan(0);
  expect(renewed).toBeGreaterThan(0);
  const remembered = [...index().values()].filter(({ leaseRenewedAt }) => leaseRenewedAt === NOW);
  expect(remembered.length).toBeGreaterThanOrEqual(renewed);
});

describe('pods whose grants the ledger does not know', () => {
  const old = () => newUuid({ msecs: NOW - 10 * MINUTE });

  test('are evicted where that is asked for, but for young ones: their record may be on its way', async () => {
    const { grant, pod, run, evicted } = world();
    pod(grant(1));
    pod(old());
    pod(newUuid({ msecs: NOW - 1_000 }));
    expect(await run({ onLost: 'evict' })).toMatchObject({ unknown: 1, evicted: 1 });
    expect(evicted).toEqual(['web-1']);
  });

  test('are not, where they are suspiciously many', async () => {
    const { pod, run, evicted } = world();
    for (let count = 0; count < 30; count += 1) pod(old());
    expect(await run({ onLost: 'evict' })).toMatchObject({ unknown: 30, evicted: 0, braked: true });
    expect(evicted).toEqual([]);
  });

  test('with a uuid that is none are reported, and Vault is not asked for it', async () => {
    const { grant, pod, run } = world();
    pod(grant(1), '..', 'a/b');
    expect(await run()).toMatchObject({ live: 1, unknown: 2, failed: 0 });
  });
});
