/** The CronJob's schedule and the configured interval: where they disagree, the job does its work and says so. */
import { beforeEach, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { expectOrder } from '../support/fleet-state.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE } from '../support/sweeping.ts';

/** Its leases last for so few sweeps that each one renews them. */
const role = 'hourly-rw';
let fleet: Fleet;

beforeEach(async () => {
  await addAppRole(stack.vault, { name: role, defaultTtl: '20m' });
  fleet = await openFleet();
});

/** Vault's time, as the job sees it, makes all records older than they are. */
async function run(sweepSchedule: string, syncTTLSecond: number) {
  const proxy = await startFaultProxy();
  proxy.backdate(AFTER_GRACE);
  return stack.sweep({ overrides: { ...fleet.keys, vaultAddress: proxy.url, syncTTLSecond, sweepSchedule } });
}

async function somethingToDo() {
  const pod = await fleet.pod({ role });
  const [orphan] = await fleet.orphans(1);
  if (!orphan) throw new Error('no pod was admitted');
  await fleet.aged(orphan, AFTER_GRACE);
  return pod;
}
const allDone = { live: 1, renewed: 1, orphaned: 1, revoked: 1, failed: 0 };

describe('a schedule that', () => {
  test('agrees with the interval: 0', async () => {
    await somethingToDo();
    const { code, report, log } = await run('*/5 * * * *', 300);
    expect([code, report]).toEqual([0, expect.objectContaining(allDone)]);
    expect(log).not.toContain('too infrequent');
    await expectOrder(fleet);
  });

  test('is rarer: the sweep is done all the same, and ends with 1 and the reason', async () => {
    const pod = await somethingToDo();
    const { code, report, log } = await run('*/5 6-22 * * *', 300);
    expect([code, report]).toEqual([1, expect.objectContaining(allDone)]);
    expect(log).toContain('the sweeps may be too infrequent');
    expect(log).toContain('lets 25500 s pass between two sweeps, and syncTTLSecond is 300: make them agree');
    expect(await fleet.records()).toEqual([pod.uuid]);
    await expectOrder(fleet);
  });

  test.each([
    ['*/5 * * * *', 0],
    ['*/20 * * * *', 1],
  ])('lets a lease of an hour wait, or not: "%s"', async (schedule, due) => {
    await fleet.pod({ role: 'gule-rw' });
    expect((await run(schedule, 300)).report).toMatchObject({ live: 1, due, renewed: due });
    await expectOrder(fleet);
  });

  test('is none: 1 and the reason, after the sweep', async () => {
    await somethingToDo();
    const { code, report, log } = await run('every five minutes', 300);
    expect([code, report]).toEqual([1, expect.objectContaining(allDone)]);
    expect(log).toContain('cannot be read as a schedule of five fields');
    await expectOrder(fleet);
  });
});
