import { describe, expect, test } from 'vitest';
import { type Orphan, planRevocations } from '../../../../cronjobs/renewal/brake.ts';
import { RECORD } from '../../../support/ledger-record.ts';
import { world } from './world.ts';

test('what the brake keeps from being revoked is neither revoked nor renewed: no live pod names it', async () => {
  const { grant, pod, pods, run, renewed, revoked, lines } = world();
  for (let count = 0; count < 30; count += 1) pod(grant(40));
  await run();
  renewed.length = 0;
  pods.length = 0;
  expect(await run()).toMatchObject({ orphaned: 30, braked: true, revoked: 0, code: 3 });
  expect([revoked, renewed]).toEqual([[], []]);
  expect(lines.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('30 of 30 grants have no pod: nothing is revoked'),
  );
  expect(await run({ maxRevokeFraction: 1 })).toMatchObject({ braked: false, revoked: 30, code: 0 });
});

test('one author whose pods are refused after their admission does not keep the brake on', async () => {
  const { grant, pod, withoutPod, run, revoked, changed } = world();
  for (let count = 0; count < 12; count += 1) pod(grant(10));
  const gone = grant(10);
  pod(gone);
  await run();
  withoutPod(gone);
  const refused = Array.from({ length: 26 }, () => grant(70, { namespace: 'hostile' }));
  const swept = await run();
  expect(swept).toMatchObject({ orphaned: 27, braked: false, revoked: 1, neverBorn: 26, failed: 0, code: 0 });
  expect(revoked).toEqual([gone]);

  // Vault says that their leases have run out: nobody can lose anything by their end.
  for (const uuid of refused) changed.ended.add(uuid);
  expect(await run()).toMatchObject({ orphaned: 26, braked: false, revoked: 26, neverBorn: 0, code: 0 });
});

test('nor does one of many namespaces, for longer than the leases last', async () => {
  const { grant, pod, withoutPod, run, revoked, changed } = world();
  for (let count = 0; count < 4; count += 1) pod(grant(10));
  const gone = grant(10);
  pod(gone);
  await run();
  withoutPod(gone);
  const refused = Array.from({ length: 30 }, (_, number) =>
    grant(70, { namespace: `hostile-${number % 6}` }),
  );
  expect(await run()).toMatchObject({ orphaned: 31, braked: true, revoked: 0 });

  for (const uuid of refused) changed.ended.add(uuid);
  expect(await run()).toMatchObject({ orphaned: 31, braked: false, revoked: 31, neverBorn: 0, code: 0 });
  expect(revoked).toContain(gone);
});

describe('the decision', () => {
  const orphans = (count: number, namespace: string, hadPod: boolean): Orphan[] =>
    Array.from({ length: count }, (_, number) => ({
      uuid: `${namespace}-${number}`,
      record: { ...RECORD, leaseId: '', namespace },
      issuedAt: 0,
      hadPod,
    }));
  const inMany = (namespaces: number, count: number) =>
    Array.from({ length: namespaces }, (_, number) => orphans(count, `ns-${number}`, false)).flat();

  test.each([
    // What it is, orphans, living by namespace, then how many are revoked and held, and whether it is braked.
    ['a handful', orphans(20, 'a', true), { a: 0 }, 20, 0, false],
    ['more than a handful, and all of them', orphans(21, 'a', true), {}, 0, 0, true],
    ['more than a handful, beside as many that live', orphans(21, 'a', true), { b: 21 }, 21, 0, false],
    ['pods of one author that were never born', orphans(26, 'a', false), { b: 12 }, 0, 26, false],
    ['a few of them', orphans(20, 'a', false), { b: 12 }, 20, 0, false],
    ['many of them, beside as many that live there', orphans(26, 'a', false), { a: 26 }, 26, 0, false],
    ['an author of four namespaces', inMany(4, 100), { b: 12 }, 0, 400, false],
    ['a whole cluster of grants that nobody here knows', inMany(30, 3), {}, 0, 0, true],
    ['of both kinds', [...orphans(10, 'a', true), ...orphans(30, 'a', false)], { b: 12 }, 10, 30, false],
  ])('%s', (_, all, living, revoked, held, isBraked) => {
    const plan = planRevocations(all, {
      living: new Map(Object.entries(living)),
      maxRevokeFraction: 0.5,
      ledger: undefined,
    });
    expect([plan.revoke.length, plan.heldBack.length, plan.brake !== undefined]).toEqual([
      revoked,
      held,
      isBraked,
    ]);
  });

  test('goes through with everything where it is told to', () => {
    const all = [...orphans(100, 'a', true), ...orphans(100, 'b', false)];
    const plan = planRevocations(all, { living: new Map(), maxRevokeFraction: 1, ledger: undefined });
    expect(plan).toEqual({ revoke: all, heldBack: [], brake: undefined });
  });

  test('is that of the whole ledger where several processes share it', () => {
    const input = { living: new Map([['a', 100]]), maxRevokeFraction: 0.5 };
    const few = orphans(2, 'a', true);
    expect(planRevocations(few, { ...input, ledger: { suspected: 60, grants: 100 } }).brake).toBeDefined();
    expect(planRevocations(few, { ...input, ledger: { suspected: 40, grants: 100 } }).revoke).toEqual(few);
  });

  test.each([1, 2, 3, 5, 10])('is off for all shares or for none, also for one with %d of them', (own) => {
    const ledger = { suspected: 21, grants: 21 };
    const input = { living: new Map(), maxRevokeFraction: 0.5, ledger };
    const neverBorn = planRevocations(orphans(own, 'a', false), input);
    expect([neverBorn.brake, neverBorn.revoke, neverBorn.heldBack.length]).toEqual([undefined, [], own]);
    const lived = planRevocations(orphans(own, 'a', true), input);
    expect([lived.brake, lived.revoke]).toEqual([ledger, []]);
  });

  test('counts an author of a namespace as little where several processes share the ledger', () => {
    const ledger = { suspected: 400 + 4, grants: 400 + 4 + 100 };
    const input = { living: new Map([['b', 25]]), maxRevokeFraction: 0.5, ledger };
    const gone = orphans(1, 'b', true);
    const plan = planRevocations([...orphans(100, 'a', false), ...gone], input);
    expect([plan.brake, plan.revoke, plan.heldBack.length]).toEqual([undefined, gone, 100]);
    // Nor are so few revoked for being few in this share.
    const few = { ...ledger, suspected: 21, grants: 21 };
    const inOne = planRevocations(orphans(5, 'a', false), { ...input, living: new Map(), ledger: few });
    expect([inOne.brake, inOne.revoke, inOne.heldBack.length]).toEqual([undefined, [], 5]);
    // A whole cluster's, which nobody here knows.
    const strange = { ...input, living: new Map(), ledger: { ...ledger, suspected: 504 } };
    expect(planRevocations(inMany(21, 6), strange).brake).toBeDefined();
  });
});
