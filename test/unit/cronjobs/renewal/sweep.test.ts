import { v7 as newUuid } from 'uuid';
import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, NOW, world } from './world.ts';

test('a cluster that cannot be told once does not make its own grants strange for ever', async () => {
  const { grant, pod, run, renewed, changed } = world();
  pod(grant(40, { clusterId: 'ours' }));
  changed.clusterUid = async () => Promise.reject(new Error('away'));
  expect(await run()).toMatchObject({ live: 1, renewed: 1, foreign: 0, failed: 1 });
  changed.clusterUid = async () => 'ours';
  expect(await run()).toMatchObject({ live: 1, foreign: 0, failed: 0 });
  expect(renewed).toHaveLength(1);
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
    const [ours, unclaimed, orphan] = [grant(40), grant(40), grant(40, { clusterId: 'named' })];
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
    // Its older memory is in the folder without a name.
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
  changed.onRenewal = async () => aborted.abort();
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
    const unknown = pod(old());
    pod(newUuid({ msecs: NOW - 1_000 }));
    expect(await run({ onLost: 'evict' })).toMatchObject({ unknown: 1, evicted: 1 });
    expect(evicted).toEqual([unknown]);
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
