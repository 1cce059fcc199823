/** Clocks that are wrong: of the job's node, of the instance that admitted, and of an earlier job. */
import { describe, expect, test } from 'vitest';
import { MINUTE, NOW, world } from './world.ts';

describe('a grant whose pod is still in admission is left alone', () => {
  test.each([
    ['agrees', 0],
    ['is an hour behind', -60],
    ['is a minute ahead', 1],
    ['is an hour ahead', 60],
  ])('whether the clock of the instance that admits %s', async (_, clockAhead) => {
    const { grant, run, revoked } = world();
    grant(1, { clockAhead });
    expect(await run()).toMatchObject({ orphaned: 0, revoked: 0, failed: 0 });
    expect(revoked).toEqual([]);
  });
});

test.each([-60, 60])(
  'an orphaned grant is revoked, whatever its admission took for the time: %i min',
  async (clockAhead) => {
    const { grant, run, revoked } = world();
    const gone = grant(5, { clockAhead });
    expect(await run()).toMatchObject({ orphaned: 1, revoked: 1 });
    expect(revoked).toEqual([gone]);
  },
);

test('a lease whose issue was dated an hour late is renewed in time all the same', async () => {
  const { grant, pod, run, renewed } = world();
  const uuid = grant(35, { clockAhead: 60 });
  pod(uuid);
  expect(await run()).toMatchObject({ live: 1, due: 1, renewed: 1 });
  expect(renewed).toEqual([uuid]);
});

test.each([
  ['a lease', 'leaseRenewedAt'],
  ['a token', 'tokenRenewedAt'],
] as const)(
  '%s that was renewed in the future, by a clock that was ahead, is renewed now',
  async (_, field) => {
    const { grant, pod, run, index } = world();
    const uuid = grant(10);
    pod(uuid);
    await run();
    const state = index().get(uuid);
    if (!state) throw new Error('it is remembered');
    const hours = 3_600_000 * 3;
    index().set(uuid, {
      ...state,
      [field]: NOW + hours,
      leaseDueAt: NOW + hours,
      tokenDueAt: NOW + 10 * hours,
    });
    expect(await run()).toMatchObject({ due: 1, renewed: 1, overdue: 0 });
    expect(index().get(uuid)?.[field]).toBe(NOW);
  },
);

describe("a node's clock that differs from Vault's", () => {
  test.each([
    ['by less than can be told', 4_000, 4, undefined],
    ['by seconds', 37_000, 37, "this machine's clock is 37 s ahead of Vault's"],
    ['by as much, in the other direction', -37_000, -37, "this machine's clock is 37 s behind Vault's"],
  ])('%s is told with the figure, and hinders nothing', async (_, skewMs, seconds, line) => {
    const { grant, pod, run, changed, lines, last } = world();
    changed.skewMs = skewMs;
    pod(grant(40));
    grant(40);
    expect(await run()).toMatchObject({ renewed: 1, revoked: 1, clockSkewSeconds: seconds, code: 0 });
    expect(last()?.clockSkewSeconds).toBe(seconds);
    const told = lines.filter(({ message }) => message.includes("Vault's, by which all ages are measured"));
    expect(told.map(({ message }) => message)).toEqual(line ? [expect.stringContaining(line)] : []);
  });

  test.each([121 * 1_000, -2 * 60 * MINUTE])(
    'by more than the grace period revokes nothing: %i ms',
    async (skewMs) => {
      const { grant, pod, run, changed, revoked, renewed } = world();
      changed.skewMs = skewMs;
      pod(grant(40));
      grant(40);
      expect(await run()).toMatchObject({ renewed: 2, revoked: 0, failed: 1, code: 1 });
      expect([revoked, renewed.length]).toEqual([[], 2]);
    },
  );
});

test("where no answer tells Vault's time, nobody knows how old a grant is: nothing is revoked", async () => {
  const { grant, pod, run, changed, revoked, renewed, lines } = world();
  changed.hasDate = false;
  pod(grant(40));
  grant(40);
  expect(await run()).toMatchObject({ renewed: 2, revoked: 0, failed: 1, code: 1 });
  expect([revoked, renewed.length]).toEqual([[], 2]);
  expect(lines.map(({ message }) => message)).toContainEqual(
    expect.stringContaining("none of Vault's answers had a Date header"),
  );
});
