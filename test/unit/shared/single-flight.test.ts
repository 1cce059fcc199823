import { describe, expect, test } from 'vitest';
import { createSingleFlight, once, onceSuccessful } from '../../../shared/single-flight.ts';

function runs(outcomes: readonly (string | Error)[]) {
  let count = 0;
  const run = async () => {
    const outcome = outcomes[count] ?? new Error('there is no further run');
    count += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { run, count: () => count };
}

describe('a single flight', () => {
  test('is shared by concurrent callers, and begins again once it is over', async () => {
    const { run, count } = runs(['first', 'second']);
    const flight = createSingleFlight<string>();
    expect(flight.current()).toBeUndefined();
    const both = Promise.all([flight.run(run), flight.run(run)]);
    expect([count(), flight.current()]).toEqual([1, expect.any(Promise)]);
    expect([await both, flight.current()]).toEqual([['first', 'first'], undefined]);
    expect(await flight.run(run)).toBe('second');
  });

  test('is shared by those with the same key only', async () => {
    const { run } = runs(['one', 'other']);
    const flight = createSingleFlight<string>();
    expect(await Promise.all(['a', 'b', 'a'].map((key) => flight.run(run, key)))).toEqual([
      'one',
      'other',
      'one',
    ]);
  });

  test('fails for all who share it, and is repeated for the next', async () => {
    const away = new Error('away');
    const { run } = runs([away, 'back']);
    const flight = createSingleFlight<string>();
    const both = await Promise.allSettled([flight.run(run), flight.run(run)]);
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    expect(await flight.run(run)).toBe('back');
  });
});

test('what runs once gives everyone its outcome, a failure as well', async () => {
  const { run, count } = runs([new Error('away'), 'back']);
  const ask = once(run);
  await expect(ask()).rejects.toThrow('away');
  await expect(ask()).rejects.toThrow('away');
  expect(count()).toBe(1);
});

test('what runs until it succeeds gives everyone the result', async () => {
  const { run, count } = runs([new Error('away'), 'back']);
  const ask = onceSuccessful(run);
  await expect(ask()).rejects.toThrow('away');
  expect([await ask(), await ask(), count()]).toEqual(['back', 'back', 2]);
});
