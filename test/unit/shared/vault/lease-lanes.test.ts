import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLeaseLanes } from '../../../../shared/vault/lease-lanes.ts';

const LIMITS = { atOnce: 2, waitMs: 1_000, restMs: 30_000 };
const FOLDER = 'db/creds/rw';
let now: number;
let started: string[];

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  started = [];
});
afterEach(() => vi.useRealTimers());

const open = () => createLeaseLanes(() => now, LIMITS);
const settled = () => vi.advanceTimersByTimeAsync(0);

/** A task that ends when it is told to. */
function task(name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{ late: boolean; result: string }>();
  return {
    run: () => {
      started.push(name);
      return promise;
    },
    ends: (late = false) => resolve({ late, result: name }),
    fails: () => reject(new Error(name)),
  };
}

describe('a role whose database answers', () => {
  test('has so many tasks at once, and the others in turn', async () => {
    const lanes = open();
    const [a, b, c, d] = [task('a'), task('b'), task('c'), task('d')];
    const all = [a, b, c, d].map(({ run }) => lanes.run(FOLDER, run));
    await settled();
    expect(started).toEqual(['a', 'b']);
    a.ends();
    await settled();
    expect(started).toEqual(['a', 'b', 'c']);
    b.ends();
    c.ends();
    d.ends();
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd'].map((result) => ({ result })));
  });

  test('has none wait for long', async () => {
    const lanes = open();
    const [a, b] = [task('a'), task('b')];
    const running = [lanes.run(FOLDER, a.run), lanes.run(FOLDER, b.run)];
    const third = lanes.run(FOLDER, task('c').run);
    await vi.advanceTimersByTimeAsync(LIMITS.waitMs);
    expect(await third).toEqual({ notTried: 'full' });
    a.ends();
    b.ends();
    await Promise.all(running);
    // Its place was given back: two more find theirs.
    const [d, e] = [task('d'), task('e')];
    const next = [lanes.run(FOLDER, d.run), lanes.run(FOLDER, e.run)];
    await settled();
    expect(started).toEqual(['a', 'b', 'd', 'e']);
    d.ends();
    e.ends();
    await Promise.all(next);
  });

  test('is not taken for one that does not because a task fails', async () => {
    const lanes = open();
    const a = task('a');
    const failed = lanes.run(FOLDER, a.run);
    a.fails();
    await expect(failed).rejects.toThrow('a');
    const b = task('b');
    b.ends();
    expect(await lanes.run(FOLDER, b.run)).toEqual({ result: 'b' });
  });
});

describe('a role whose database does not answer', () => {
  async function late() {
    const lanes = open();
    const [a, b] = [task('a'), task('b')];
    const running = [lanes.run(FOLDER, a.run), lanes.run(FOLDER, b.run)];
    const waiting = [lanes.run(FOLDER, task('c').run), lanes.run(FOLDER, task('d').run)];
    a.ends(true);
    await settled();
    return { lanes, b, running, waiting };
  }

  test('is left alone by those that wait and those that come', async () => {
    const { lanes, waiting } = await late();
    const come = Array.from({ length: 5 }, (_, index) => lanes.run(FOLDER, task(`e${index}`).run));
    expect(await Promise.all([...waiting, ...come])).toEqual(Array(7).fill({ notTried: 'late' }));
    expect(started).toEqual(['a', 'b']);
  });

  test('costs no other role anything', async () => {
    const { lanes } = await late();
    const other = task('other');
    other.ends();
    expect(await lanes.run('db/creds/ro', other.run)).toEqual({ result: 'other' });
  });

  test('is tried again after a while, by one alone', async () => {
    const { lanes, b, running } = await late();
    b.ends(true);
    await Promise.all(running);
    now = LIMITS.restMs;
    const [probe, beside] = [task('probe'), task('beside')];
    const probing = lanes.run(FOLDER, probe.run);
    expect(await lanes.run(FOLDER, beside.run)).toEqual({ notTried: 'late' });
    probe.ends();
    expect(await probing).toEqual({ result: 'probe' });
    const after = [task('after'), task('after')];
    for (const one of after) one.ends();
    expect(await Promise.all(after.map(({ run }) => lanes.run(FOLDER, run)))).toEqual(
      after.map(() => ({ result: 'after' })),
    );
  });

  test('that still does not is left alone for as long again', async () => {
    const { lanes, b, running } = await late();
    b.ends(true);
    await Promise.all(running);
    now = LIMITS.restMs;
    const probe = task('probe');
    probe.ends(true);
    await lanes.run(FOLDER, probe.run);
    now = 2 * LIMITS.restMs - 1;
    expect(await lanes.run(FOLDER, task('x').run)).toEqual({ notTried: 'late' });
  });
});
