/** What an hour of five-minute sweeps asks of Vault, by OpenBao's own count. */
import { beforeAll, expect, test } from 'vitest';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { expectOrder } from '../support/fleet-state.ts';
import { HOUR, MINUTE, type Swept, sweepAt } from '../support/sweeping.ts';
import { requestsDuring } from '../support/vault-counters.ts';

const PODS = 100;
const SWEEPS = 12;
const BUDGET = 0.3;
const INTERVAL = 5 * MINUTE;

let fleet: Fleet;
let pods: readonly Given[];
let admittedAt: number;

beforeAll(async () => {
  fleet = await openFleet();
  admittedAt = Date.now();
  pods = await fleet.pods(PODS);
});

async function sweepForAnHour(from: number): Promise<Swept[]> {
  const sweeps: Swept[] = [];
  for (let number = 1; number <= SWEEPS; number += 1)
    sweeps.push(await sweepAt(from + number * INTERVAL, fleet));
  return sweeps;
}

const sum = (sweeps: readonly Swept[], of: 'due' | 'renewed' | 'failed' | 'vaultRequests') =>
  sweeps.reduce((total, { report }) => total + report[of], 0);

test.each([
  ['first', 0],
  ['next', 1],
])('the %s hour of 100 pods: at most 0.3 requests a pod and sweep, everything counted', async (_, hour) => {
  let sweeps: Swept[] = [];
  const requests = await requestsDuring(async () => {
    sweeps = await sweepForAnHour(admittedAt + hour * HOUR);
  });
  expect(sweeps.map(({ code, report }) => [code, report.live])).toEqual(sweeps.map(() => [0, PODS]));
  expect(requests / PODS / SWEEPS).toBeLessThanOrEqual(BUDGET);
  // Each once half of its hour is over, and so once or twice an hour.
  expect(sum(sweeps, 'renewed')).toBe(sum(sweeps, 'due'));
  expect(sum(sweeps, 'renewed')).toBeGreaterThanOrEqual(PODS);
  expect(sum(sweeps, 'renewed')).toBeLessThanOrEqual(2 * PODS);
  // What the report says is what OpenBao has counted, but for the logouts after it, and that of a function that ends meanwhile.
  const others = requests - sum(sweeps, 'vaultRequests') - SWEEPS;
  expect(others).toBeGreaterThanOrEqual(0);
  expect(others).toBeLessThanOrEqual(2);
});

test('grants renewed together do not come due together: no sweep renews all of them', async () => {
  const sweeps = await sweepForAnHour(admittedAt + 2 * HOUR);
  expect(Math.max(...sweeps.map(({ report }) => report.renewed))).toBeLessThan(PODS * 0.75);
  expect(sweeps.filter(({ report }) => report.renewed > 0).length).toBeGreaterThanOrEqual(3);
});

test('memory that is deleted costs a read of each record and no more than one renewal', async () => {
  await fleet.forgetMemory();
  const { code, report } = await sweepAt(admittedAt + 3 * HOUR + MINUTE, fleet);
  expect([code, report.live, report.renewed]).toEqual([0, PODS, PODS]);
  const around = 20;
  // A read, two calls for the lease (how far can it be extended; extend it), and none for the token, which lasts a month.
  expect(report.vaultRequests).toBeLessThanOrEqual(3 * PODS + around);
  const next = await sweepAt(admittedAt + 3 * HOUR + 2 * MINUTE, fleet);
  expect([next.code, next.report.due]).toEqual([0, 0]);
  expect(next.report.vaultRequests).toBeLessThanOrEqual(around);
});

test('and all of them can log in', async () => {
  expect(pods).toHaveLength(PODS);
  await expectOrder(fleet);
});
