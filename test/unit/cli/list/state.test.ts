import { expect, test } from 'vitest';
import { renewalOf, stateOf } from '../../../../cli/list/state.ts';

const SECOND = 1_000;
const now = 1_000_000 * SECOND;
const config = { syncIntervalSeconds: 300, gracePeriodSeconds: 120 };
const fine = {
  issuedAt: now - 3_600 * SECOND,
  leaseEndsAt: now + 1_800 * SECOND,
  tokenEndsAt: now + 86_400 * SECOND,
  renewalAt: now + 600 * SECOND,
  isClaimed: true,
};

test.each([
  ['kept alive', fine, 'ok'],
  ['due, until the next sweep', { ...fine, renewalAt: now - 300 * SECOND }, 'ok'],
  ['due, and a sweep has passed', { ...fine, renewalAt: now - 361 * SECOND }, 'overdue'],
  ['a lease that is over', { ...fine, leaseEndsAt: now - 1 }, 'overdue'],
  ['a token that is over', { ...fine, tokenEndsAt: now - 1 }, 'overdue'],
  ['without a pod', { ...fine, isClaimed: false }, 'orphaned'],
  [
    'without a pod, which may be in admission',
    { ...fine, isClaimed: false, issuedAt: now - 60 * SECOND },
    'unknown',
  ],
  ['new, and not seen by a sweep', { ...fine, issuedAt: now - 200 * SECOND, renewalAt: undefined }, 'ok'],
  ['old, and not seen by a sweep', { ...fine, renewalAt: undefined }, 'unknown'],
  [
    'of the Go injector, and not seen by a sweep',
    { ...fine, issuedAt: now, leaseEndsAt: undefined, tokenEndsAt: undefined, renewalAt: undefined },
    'unknown',
  ],
] as const)('%s', (_, standing, expected) => {
  expect(stateOf(standing, config, now)).toBe(expected);
});

test('a lease that is too short to wait is overdue when a sweep has passed, not a second after its renewal', () => {
  const leaseRenewedAt = now - 60 * SECOND;
  // 4.2 intervals before its end, which was before it began.
  const leaseDueAt = leaseRenewedAt + (900 - 4.2 * 300) * SECOND;
  const renewals = { leaseDueAt, leaseRenewedAt, tokenDueAt: now + 86_400 * SECOND, tokenRenewedAt: now };
  const at = (later: number) =>
    stateOf(
      { ...fine, leaseEndsAt: leaseRenewedAt + 900 * SECOND, renewalAt: renewalOf(renewals, now) },
      config,
      leaseRenewedAt + later * SECOND,
    );
  expect([at(1), at(300), at(361)]).toEqual(['ok', 'ok', 'overdue']);
  expect(renewalOf({ ...renewals, leaseDueAt: 0 }, now)).toBe(now);
});
