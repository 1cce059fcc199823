/** Several processes of one sweep, each with its share of the ledger: together they do what one does. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLease } from '../support/census.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { HOUR, type Swept, sweepIn } from '../support/sweeping.ts';

const SHARDS = [0, 1, 2, 3];
const LATER = HOUR * 0.7;
const PODS = 24;
const ORPHANS = 20;

let fleet: Fleet;
beforeEach(async () => {
  fleet = await openFleet();
});
afterEach(() => expectOrder(fleet));

const inShards = (keys = {}) =>
  Promise.all(
    SHARDS.map((shard) => sweepIn(LATER, fleet, { shard, keys: { ...keys, sweepShards: SHARDS.length } })),
  );
const sum = (sweeps: readonly Swept[], of: 'live' | 'renewed' | 'orphaned' | 'revoked' | 'neverBorn') =>
  sweeps.reduce((total, { report }) => total + report[of], 0);
const codes = (sweeps: readonly Swept[]) => sweeps.map(({ code }) => code);

test('four renew and revoke exactly what one does, each its own share, and nobody anything twice', async () => {
  const pods = await fleet.pods(PODS);
  const leases = await Promise.all(pods.map(async ({ uuid }) => (await fleet.record(uuid)).LeaseId));
  await fleet.orphans(ORPHANS);
  const sweeps = await inShards();

  expect(codes(sweeps)).toEqual([0, 0, 0, 0]);
  expect([sum(sweeps, 'live'), sum(sweeps, 'renewed')]).toEqual([PODS, PODS]);
  expect([sum(sweeps, 'orphaned'), sum(sweeps, 'revoked')]).toEqual([ORPHANS, ORPHANS]);
  expect(sweeps.every(({ report }) => report.renewed < PODS)).toBe(true);
  expect((await fleet.records()).sort()).toEqual(pods.map(({ uuid }) => uuid).sort());
  expect((await usersLeft(fleet)).sort()).toEqual(pods.map(({ user }) => user).sort());
  const renewed = await Promise.all(leases.map(readLease));
  expect(renewed.every(({ ttl }) => ttl > 3590)).toBe(true);

  // What one process finds after them: its own memory is empty, so it reads, renews once, and has nothing to revoke.
  const one = await sweepIn(LATER, fleet);
  expect([one.code, one.report.live, one.report.revoked]).toEqual([0, PODS, 0]);
});

test('the brake is put on by all of them, though no share alone is suspicious', async () => {
  const pods = await fleet.pods(21);
  await inShards();
  await Promise.all(pods.map(deletePod));
  const sweeps = await inShards();
  // A shard may happen to have none of them, and nothing to hold back.
  expect(codes(sweeps)).toEqual(sweeps.map(({ report }) => (report.orphaned === 0 ? 0 : 3)));
  expect([sum(sweeps, 'orphaned'), sum(sweeps, 'neverBorn'), sum(sweeps, 'revoked')]).toEqual([21, 0, 0]);
  expect(await usersLeft(fleet)).toHaveLength(21);

  const told = await inShards({ maxRevokeFraction: 1 });
  expect([codes(told), sum(told, 'revoked')]).toEqual([[0, 0, 0, 0], 21]);
  expect(await fleet.records()).toEqual([]);
});

test('what was never born in one namespace puts no brake on, and is held by all of them', async () => {
  await fleet.orphans(21);
  const sweeps = await inShards();
  expect([codes(sweeps), sum(sweeps, 'revoked')]).toEqual([[0, 0, 0, 0], 0]);
  expect(sum(sweeps, 'neverBorn')).toBe(21);
  expect(await usersLeft(fleet)).toHaveLength(21);

  await inShards({ maxRevokeFraction: 1 });
  expect(await fleet.records()).toEqual([]);
});
