/** Records that are gone, deleted, copied or broken: no live pod loses its credentials by them. */
import { v7 as newUuid, v4 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { shardOf } from '../../../../cronjobs/renewal/shard.ts';
import { InjectorError } from '../../../../shared/errors.ts';
import { VaultError } from '../../../../shared/vault/failure.ts';
import { UnreadableRecord } from '../../../../shared/vault/ledger.ts';
import { MINUTE, NOW, world } from './world.ts';

const accessor = { token: { accessor: 'names-it' } };
const broken = () =>
  new VaultError('vault_rejected', 'Vault would not read a record of the ledger (HTTP 500: 1 error)', {
    operation: 'read a record of the ledger',
    status: 500,
  });

describe('the ledger is lost', () => {
  test('what live pods hold is renewed by what the sweep remembers, and they are told', async () => {
    const { grant, pod, run, records, renewed, told, changed, evicted } = world();
    const pods = Array.from({ length: 12 }, () => pod(grant(20, accessor)));
    await run();
    records.clear();
    renewed.length = 0;
    changed.now = NOW + 40 * MINUTE;
    const swept = await run({ onLost: 'evict' });
    expect(swept).toMatchObject({
      live: 12,
      renewed: 12,
      recordsLost: 12,
      unknown: 0,
      revoked: 0,
      evicted: 0,
    });
    expect(renewed).toHaveLength(12);
    expect(told.map(({ pod: name, reason }) => [name, reason]).sort()).toEqual(
      pods.map((name) => [name, 'RecordLost']).sort(),
    );
    expect(evicted).toEqual([]);
  });

  test('their tokens too, by their accessors', async () => {
    const { grant, pod, run, records, renewed, changed } = world();
    pod(grant(20, accessor));
    await run();
    records.clear();
    renewed.length = 0;
    changed.now = NOW + 30 * 24 * 60 * MINUTE;
    expect(await run()).toMatchObject({ live: 1, renewed: 1, lost: 0, recordsLost: 1 });
    expect(renewed).toContain('by names-it');
  });

  test('and a pod is deleted afterwards: its grant is revoked by what the sweep remembers, once', async () => {
    const { grant, pod, withoutPod, run, records, revoked } = world();
    const [kept, gone] = [grant(20, accessor), grant(20, { token: { accessor: 'names-the-other' } })];
    pod(kept);
    pod(gone);
    await run();
    records.clear();
    await run();
    withoutPod(gone);
    expect(await run()).toMatchObject({
      live: 1,
      recordsLost: 1,
      orphaned: 1,
      revoked: 1,
      failed: 0,
      code: 0,
    });
    expect(revoked).toEqual([`${gone} by names-the-other`]);
    expect(await run()).toMatchObject({ live: 1, orphaned: 0, revoked: 0 });
  });

  test('the same where the sweep that finds it out renews the token, too', async () => {
    const { grant, pod, withoutPod, run, records, renewed, revoked, changed } = world();
    const uuid = grant(20, accessor);
    pod(uuid);
    await run();
    records.clear();
    changed.now = NOW + 30 * 24 * 60 * MINUTE;
    expect(await run()).toMatchObject({ renewed: 1, recordsLost: 1 });
    expect(renewed).toContain('by names-it');
    withoutPod(uuid);
    expect(await run()).toMatchObject({ orphaned: 1, revoked: 1, failed: 0, code: 0 });
    expect(revoked).toEqual([`${uuid} by names-it`]);
  });

  test('and neither lease nor token is known: the grant is pending until its token has ended by itself', async () => {
    const { grant, pod, withoutPod, run, records, revoked, changed, index } = world();
    const uuid = grant(20);
    const record = records.get(uuid);
    if (record) records.set(uuid, { ...record, leaseId: '' });
    pod(uuid);
    await run();
    records.clear();
    expect(await run()).toMatchObject({ live: 1, recordsLost: 1 });
    withoutPod(uuid);
    changed.pending.set(uuid, 'nothing is known');
    expect(await run()).toMatchObject({ orphaned: 1, pending: 1, revoked: 0 });
    changed.now = NOW + 31 * 24 * 60 * MINUTE;
    expect(await run()).toMatchObject({ orphaned: 1, pending: 1, revoked: 0 });
    changed.now = NOW + 32 * 24 * 60 * MINUTE;
    expect(await run()).toMatchObject({ orphaned: 0, pending: 0, revoked: 0, code: 0 });
    expect([revoked, [...index().keys()]]).toEqual([[], []]);
  });

  test('whose pods are deleted in between are forgotten: their records went with their revocation', async () => {
    const { grant, pod, withoutPod, run, records, revoked } = world();
    const uuid = grant(20, accessor);
    pod(uuid);
    await run();
    records.clear();
    withoutPod(uuid);
    expect(await run()).toMatchObject({ orphaned: 0, revoked: 0, code: 0 });
    expect(revoked).toEqual([]);
  });

  test('and nothing is remembered: no pod is evicted, since all of them look alike', async () => {
    const { pod, run, evicted } = world();
    for (let count = 0; count < 12; count += 1) pod(newUuid({ msecs: NOW - 10 * MINUTE }));
    expect(await run({ onLost: 'evict' })).toMatchObject({ unknown: 12, evicted: 0, braked: true, code: 3 });
    expect(evicted).toEqual([]);
  });
});

describe('the ledger is lost, and the sweep is shared out', () => {
  const shared = { shards: 2, onLost: 'evict' } as const;
  const uuidIn = (share: number, make: () => string): string => {
    const uuid = make();
    return shardOf(uuid, 2) === share ? uuid : uuidIn(share, make);
  };

  /** Pods of both shares with lost grants of both, and one pod of each share whose record is there. */
  async function lost(each: number) {
    const started = world();
    const { grant, pods, records, run } = started;
    const podOf = (ofPod: number, ofGrant: number) => {
      const uuid = uuidIn(ofGrant, () => newUuid({ msecs: NOW - 20 * MINUTE }));
      const uid = uuidIn(ofPod, v4);
      pods.push({ namespace: 'team', name: uid, uid, uuids: [uuid] });
      grant(20, { ...accessor, uuid });
      return uuid;
    };
    const kept = [podOf(0, 0), podOf(1, 1)];
    for (let count = 0; count < each; count += 1) {
      podOf(0, 0);
      podOf(0, 1);
      podOf(1, 0);
      podOf(1, 1);
    }
    const runAll = async () => [await run({ ...shared, shard: 0 }), await run({ ...shared, shard: 1 })];
    await runAll();
    for (const uuid of records.keys()) if (!kept.includes(uuid)) records.delete(uuid);
    return { ...started, kept, runAll };
  }

  test('nobody is evicted, and all are revoked once their pods are gone', async () => {
    const { runAll, pods, kept, evicted, told, revoked } = await lost(3);
    const renewed = { live: 7, recordsLost: 6, unknown: 0, evicted: 0, failed: 0, code: 0 };
    expect(await runAll()).toMatchObject([renewed, renewed]);
    expect(evicted).toEqual([]);
    expect(told.map(({ pod: name, reason }) => [name, reason]).sort()).toEqual(
      pods
        .filter(({ uuids }) => !uuids.some((uuid) => kept.includes(uuid)))
        .map(({ name }) => [name, 'RecordLost'])
        .sort(),
    );
    pods.length = 0;
    const gone = { orphaned: 7, revoked: 7, failed: 0, code: 0 };
    expect(await runAll()).toMatchObject([gone, gone]);
    expect(new Set(revoked).size).toBe(14);
  });

  test('and all pods seem to be gone at once: the brake counts what the ledger has lost, too', async () => {
    const { runAll, pods, revoked } = await lost(6);
    await runAll();
    pods.length = 0;
    const held = { orphaned: 13, revoked: 0, braked: true, code: 3 };
    expect(await runAll()).toMatchObject([held, held]);
    expect(revoked).toEqual([]);
  });

  test('a pod whose grant no share remembers is in need all the same', async () => {
    const { runAll, pods, evicted, told } = await lost(3);
    const name = uuidIn(0, v4);
    pods.push({ namespace: 'team', name, uid: name, uuids: [newUuid({ msecs: NOW - 20 * MINUTE })] });
    const reports = await runAll();
    expect(reports.map(({ unknown, recordsLost }) => [unknown, recordsLost])).toEqual([
      [1, 6],
      [0, 6],
    ]);
    expect(told.filter(({ reason }) => reason === 'UnknownGrant').map(({ pod }) => pod)).toEqual([name]);
    expect(evicted).toEqual([name]);
  });
});

describe('a record whose newest version is deleted', () => {
  test('of a live pod: it is renewed by what is remembered of it', async () => {
    const { grant, pod, run, renewed, told, changed } = world();
    const uuid = grant(20, accessor);
    pod(uuid);
    await run();
    changed.deleted.add(uuid);
    renewed.length = 0;
    changed.now = NOW + 30 * 24 * 60 * MINUTE;
    expect(await run()).toMatchObject({ live: 1, renewed: 1, lost: 0, failed: 0, recordsLost: 1, code: 0 });
    expect(renewed).toEqual([uuid, 'by names-it']);
    expect(told.map(({ reason }) => reason)).toContain('RecordLost');
  });

  test('of a live pod that no sweep has seen: its pod is told, and the sweep goes on', async () => {
    const { grant, pod, run, told, changed, lines } = world();
    const uuid = grant(20);
    const name = pod(uuid);
    pod(grant(40));
    changed.deleted.add(uuid);
    expect(await run()).toMatchObject({ live: 1, renewed: 1, unknown: 1, failed: 0, code: 0 });
    expect(told).toEqual([expect.objectContaining({ pod: name, reason: 'RecordLost' })]);
    expect(lines).toContainEqual(
      expect.objectContaining({
        message: "a live pod's record was deleted from the ledger",
        uuid,
        pod: name,
      }),
    );
  });

  test('of a deleted pod: it is revoked by what is remembered of it', async () => {
    const { grant, pod, withoutPod, run, revoked, removed, changed } = world();
    const uuid = grant(20, accessor);
    pod(uuid);
    await run();
    changed.deleted.add(uuid);
    withoutPod(uuid);
    expect(await run()).toMatchObject({ orphaned: 1, revoked: 1, failed: 0, code: 0 });
    expect([revoked, removed]).toEqual([[`${uuid} by names-it`], []]);
  });

  test('of a deleted pod that no sweep has seen: it is reported and kept', async () => {
    const { grant, run, revoked, removed, changed } = world();
    changed.deleted.add(grant(20));
    expect(await run()).toMatchObject({ revoked: 0, unreadable: 1, failed: 0, code: 0 });
    expect([revoked, removed]).toEqual([[], []]);
  });

  test('as the Go injector leaves it behind: its place is cleared', async () => {
    const { grant, copy, run, records, removed, changed } = world();
    const issued = grant(20);
    const uuid = copy(issued, v4());
    records.delete(issued);
    changed.deleted.add(uuid);
    expect(await run()).toMatchObject({ revoked: 0, unreadable: 0, failed: 0, code: 0 });
    expect(removed).toEqual([uuid]);
  });
});

describe('a copy of a live record', () => {
  test.each([
    ['under a uuid of ours', () => newUuid({ msecs: NOW - 20 * MINUTE })],
    ['under a uuid of another version', v4],
  ])('%s does not cost the live pod its credentials', async (_, name) => {
    const { grant, copy, pod, run, revoked, lines } = world();
    const uuid = grant(20);
    pod(uuid);
    const copied = copy(uuid, name());
    expect(await run()).toMatchObject({
      live: 1,
      orphaned: 0,
      revoked: 0,
      unreadable: 1,
      failed: 0,
      code: 0,
    });
    expect(revoked).toEqual([]);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', uuid: copied, namespace: 'team' }));
  });

  test('by its accessor alone does not either', async () => {
    const { grant, pod, run, records, revoked } = world();
    const uuid = grant(20, accessor);
    pod(uuid);
    const other = grant(20, accessor);
    expect(records.get(other)?.leaseId).not.toBe(records.get(uuid)?.leaseId);
    expect(await run()).toMatchObject({ orphaned: 0, revoked: 0, unreadable: 1 });
    expect(revoked).toEqual([]);
  });

  test('nor while the live record cannot be read: nobody can say what is a copy of it', async () => {
    const { grant, copy, pod, run, revoked, changed } = world();
    const uuid = grant(20);
    pod(uuid);
    copy(uuid, v4());
    changed.unread.set(uuid, broken());
    expect(await run()).toMatchObject({ revoked: 0, stuck: 1, failed: 0 });
    expect(revoked).toEqual([]);
  });

  test('under a name that no grant has is reported, and read by nobody', async () => {
    const { grant, pod, run, changed, lines } = world();
    pod(grant(20));
    changed.others = [
      'a%b',
      '019A0000-0000-7000-8000-000000000000',
      '019a0000-0000-7000-8000-000000000000-backup',
    ];
    expect(await run()).toMatchObject({ live: 1, unreadable: 3, failed: 0, code: 0 });
    expect(lines.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('3 entries of the ledger'),
    );
  });
});

describe('one that is stuck', () => {
  test.each([
    ['cannot be read', new UnreadableRecord(), 'unreadable'],
    ['always answers 500', broken(), 'stuck'],
  ] as const)('a record that %s, of a deleted pod: the sweep did its work', async (_, error, counted) => {
    const { grant, pod, run, changed, last } = world();
    pod(grant(40));
    changed.unread.set(grant(40), error);
    expect(await run()).toMatchObject({ renewed: 1, [counted]: 1, failed: 0, code: 0 });
    expect(last()?.succeededAt).toBe(NOW);
  });

  test('a record that always answers 500, of a live pod: its owner is told', async () => {
    const { grant, pod, run, changed, last, told } = world();
    const uuid = grant(40);
    const name = pod(uuid);
    changed.unread.set(uuid, broken());
    expect(await run()).toMatchObject({ stuck: 1, failed: 0, code: 0 });
    expect(last()?.succeededAt).toBe(NOW);
    expect(told).toEqual([
      { pod: name, reason: 'RecordLost', message: expect.stringContaining('(HTTP 500: 1 error)') },
    ]);
  });

  test('a grant that cannot be revoked: the sweep did its work, and the others are revoked', async () => {
    const { grant, run, changed, last, revoked } = world();
    const [stuck, gone] = [grant(40), grant(40)];
    changed.onRevocation = async (uuid) => {
      if (uuid === stuck)
        throw new VaultError('vault_denied', 'no', { operation: 'revoke a lease', status: 403 });
    };
    expect(await run()).toMatchObject({ orphaned: 2, revoked: 1, stuck: 1, failed: 0, code: 0 });
    expect([revoked, last()?.succeededAt]).toEqual([[gone], NOW]);
  });

  test('but not where all of them are, which has a common cause', async () => {
    const { grant, run, changed, last } = world();
    for (let count = 0; count < 6; count += 1) grant(40);
    changed.onRevocation = async () => {
      throw new VaultError('vault_denied', 'no', { operation: 'revoke a lease', status: 403 });
    };
    expect(await run()).toMatchObject({ stuck: 6, revoked: 0, code: 1 });
    expect(last()).toBeUndefined();
  });

  test('nor where Vault is away', async () => {
    const { grant, run, changed, last } = world();
    grant(40);
    changed.onRevocation = async () => {
      throw new VaultError('vault_unavailable', 'sealed', { operation: 'revoke a lease', status: 503 });
    };
    expect(await run()).toMatchObject({ stuck: 0, failed: 1, code: 1 });
    expect(last()).toBeUndefined();
  });
});

test('a refused renewal names its pod in the log, and tells it by an Event, in the words of Vault', async () => {
  const { grant, pod, run, changed, told, lines, last } = world();
  const refused = grant(40);
  const name = pod(refused);
  pod(grant(40));
  changed.onRenewal = async (uuid) => {
    if (uuid === refused)
      throw new VaultError('vault_rejected', 'Vault would not renew a lease (HTTP 400: role is locked)', {
        operation: 'renew a lease',
        status: 400,
      });
  };
  expect(await run()).toMatchObject({ live: 2, renewed: 1, failed: 1, overdue: 1, code: 1 });
  expect(told).toEqual([
    { pod: name, reason: 'RenewalRefused', message: expect.stringContaining('(HTTP 400: role is locked)') },
  ]);
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      uuid: refused,
      namespace: 'team',
      pod: name,
      code: 'vault_rejected',
    }),
  );
  expect(last()).toBeUndefined();
});

test('a renewal that fails since Vault is away tells no pod: it passes', async () => {
  const { grant, pod, run, changed, told } = world();
  pod(grant(40));
  changed.onRenewal = async () => {
    throw new InjectorError('vault_unreachable', 'Vault cannot be reached');
  };
  expect(await run()).toMatchObject({ failed: 1, code: 1 });
  expect(told).toEqual([]);
});
