/** Leases that cannot be kept: their pods' owners hear of it in time, and the pods are replaced where that is wished. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { expectOrder, podsOf, setStatus, toldOf } from '../support/fleet-state.ts';
import { exampleNamespace, stack } from '../support/stack.ts';
import { HOUR, MINUTE, sweepAt } from '../support/sweeping.ts';

const role = 'ending-rw';
const evicting = { onMaxTtl: 'evict' };
const BUDGETS = `/apis/policy/v1/namespaces/${exampleNamespace}/poddisruptionbudgets`;

let fleet: Fleet;
let pod: Given;
let admittedAt: number;
beforeAll(() => addAppRole(stack.vault, { name: role, defaultTtl: '1h', maxTtl: '2h' }));
beforeEach(async () => {
  fleet = await openFleet();
  admittedAt = Date.now();
  pod = await fleet.pod({ role });
});
afterEach(() => expectOrder(fleet));

const names = async () => (await podsOf(fleet)).map(({ metadata }) => metadata.name);

/** Vault's own clock stands still meanwhile: it sees the end two hours after this sweep. */
async function knowTheEnd(): Promise<number> {
  const now = admittedAt + 40 * MINUTE;
  const { code, report, metrics } = await sweepAt(now, fleet);
  expect([code, report.renewed, report.ending, report.evicted]).toEqual([0, 1, 0, 0]);
  const end = now + 2 * HOUR;
  const shown = metrics['lease_max_ttl_timestamp_seconds{namespace="team-infrastructure"}'] ?? 0;
  expect(Math.abs(shown - end / 1_000)).toBeLessThan(30);
  return end;
}

describe('a lease that ends by the max_ttl of its role', () => {
  test('is noticed at half of its life, and not before: on the pod, once, and in the report', async () => {
    const end = await knowTheEnd();
    const half = admittedAt + (end - admittedAt) / 2;
    expect((await sweepAt(half - 2 * MINUTE, fleet)).report.ending).toBe(0);
    expect(await toldOf(pod)).toEqual([]);
    for (const later of [2, 7]) {
      const { code, report } = await sweepAt(half + later * MINUTE, fleet);
      expect([code, report.ending, report.evicted]).toEqual([0, 1, 0]);
    }
    expect(await toldOf(pod)).toEqual([
      {
        reason: 'LeaseEnding',
        message: expect.stringMatching(
          new RegExp(
            `\\(grant ${pod.uuid}\\) end at \\d{4}-.*Z \\(max_ttl of their role\\) and cannot be extended`,
          ),
        ),
      },
    ]);
    expect(await names()).toEqual([pod.name]);
  });

  test('has its pod evicted where that is wished, but for a disruption budget that forbids it', async () => {
    const end = await knowTheEnd();
    await setStatus(pod, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    const budget = `${BUDGETS}/${fleet.label}`;
    const selector = { matchLabels: { [fleet.label]: 'true' } };
    const apiVersion = 'policy/v1';
    const kind = 'PodDisruptionBudget';
    const metadata = { name: fleet.label, namespace: exampleNamespace };
    await stack.kubernetes.call('POST', BUDGETS, {
      apiVersion,
      kind,
      metadata,
      spec: { minAvailable: 1, selector },
    });
    /** Acts for the controller, which does not run here. */
    const allow = async (disruptionsAllowed: number) => {
      const stored = Object.assign({}, await stack.kubernetes.call('GET', budget));
      const counts = { currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptionsAllowed };
      await stack.kubernetes.call('PUT', `${budget}/status`, {
        ...stored,
        status: { observedGeneration: 1, ...counts },
      });
    };

    await allow(0);
    const held = await sweepAt(end - HOUR / 2, fleet, { keys: evicting });
    expect([held.code, held.report.ending, held.report.evicted]).toEqual([0, 1, 0]);
    expect(await names()).toEqual([pod.name]);

    await allow(1);
    const gone = await sweepAt(end - HOUR / 2, fleet, { keys: evicting });
    expect([gone.code, gone.report.ending, gone.report.evicted]).toEqual([0, 1, 1]);
    expect(await names()).toEqual([]);
    await stack.kubernetes.call('DELETE', budget);
    const next = await sweepAt(end - HOUR / 2, fleet, { keys: evicting });
    expect([next.code, next.report.revoked, await fleet.records()]).toEqual([0, 1, []]);
  });
});

describe('a lease that is shorter than two intervals', () => {
  test('is renewed at every sweep, and reported as one that cannot be kept', async () => {
    await addAppRole(stack.vault, { name: 'hasty-rw', defaultTtl: '9m' });
    const hasty = await fleet.pod({ role: 'hasty-rw' });
    const { code, report } = await sweepAt(admittedAt + MINUTE, fleet);
    expect([code, report.live, report.renewed, report.tooShort]).toEqual([0, 2, 1, 1]);
    expect(await toldOf(hasty)).toEqual([
      {
        reason: 'LeaseTooShort',
        message: expect.stringContaining('lasts 540 s, less than two sync intervals (600 s)'),
      },
    ]);
    expect(await toldOf(pod)).toEqual([]);
  });
});
