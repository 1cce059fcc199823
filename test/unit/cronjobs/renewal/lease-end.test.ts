import { beforeEach, describe, expect, test } from 'vitest';
import { createLeaseEnd, type LeaseEnd } from '../../../../cronjobs/renewal/lease-end.ts';

const HOUR = 3_600_000;
const NOW = 1_700_000_000_000;
const MAX_LIFE = 10 * HOUR;

let asked: string[];
let leaseEnd: LeaseEnd;
beforeEach(() => {
  asked = [];
  leaseEnd = createLeaseEnd();
});

/** Vault's answer for leases of a role whose `max_ttl` is ten hours, or that has none. */
function endOf(leaseId: string, ageMs: number, maxLifeMs = Number.POSITIVE_INFINITY): Promise<number> {
  return leaseEnd({ leaseId, issuedAt: NOW - ageMs }, NOW, async (seconds) => {
    asked.push(leaseId);
    return Math.min(seconds, (maxLifeMs - ageMs) / 1_000);
  });
}

describe('leases of one role', () => {
  test('end each so long after its own issue; one of them is asked', async () => {
    const ends = await Promise.all([1, 2, 3].map((age) => endOf(`db/creds/rw/${age}`, age * HOUR, MAX_LIFE)));
    expect(ends).toEqual([1, 2, 3].map((age) => NOW - age * HOUR + MAX_LIFE));
    expect(asked).toEqual(['db/creds/rw/1']);
  });

  test('without an end within reach: the oldest speaks for the younger ones, not the other way round', async () => {
    expect(await endOf('db/creds/rw/old', 5 * HOUR)).toBe(0);
    expect(await endOf('db/creds/rw/young', HOUR)).toBe(0);
    expect(await endOf('db/creds/rw/older', 6 * HOUR)).toBe(0);
    expect(asked).toEqual(['db/creds/rw/old', 'db/creds/rw/older']);
  });

  test('of which the first is lost: the next one is asked', async () => {
    const lost = leaseEnd({ leaseId: 'db/creds/rw/lost', issuedAt: NOW }, NOW, () =>
      Promise.reject(new Error('lease not found')),
    );
    const next = endOf('db/creds/rw/next', HOUR, MAX_LIFE);
    await expect(lost).rejects.toThrow('lease not found');
    expect(await next).toBe(NOW - HOUR + MAX_LIFE);
  });
});

test('leases of different roles have ends of their own', async () => {
  expect(await endOf('db/creds/rw/x', HOUR, MAX_LIFE)).toBe(NOW - HOUR + MAX_LIFE);
  expect(await endOf('db/creds/ro/x', HOUR)).toBe(0);
  expect(await endOf('other/creds/rw/x', HOUR, 2 * HOUR)).toBe(NOW + HOUR);
});
