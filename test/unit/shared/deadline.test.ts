import { describe, expect, test } from 'vitest';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';

function clockAt(milliseconds: number) {
  const clock = () => clock.now;
  clock.now = milliseconds;
  return clock;
}

describe('a deadline', () => {
  test('comes nearer as time goes by', () => {
    const clock = clockAt(1_000);
    const deadline = deadlineIn(5_000, clock);
    expect([deadline.remainingMs(), deadline.signal.aborted]).toEqual([5_000, false]);
    clock.now = 5_900;
    expect(deadline.remainingMs()).toBe(100);
    clock.now = 7_000;
    expect(deadline.remainingMs()).toBe(-1_000);
  });

  test('signals', async () => {
    const { signal } = deadlineIn(1, monotonicClock);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(signal.aborted).toBe(true);
  });

  test('of a negative time is over at once', async () => {
    const { signal, remainingMs } = deadlineIn(-50, clockAt(0));
    expect(remainingMs()).toBe(-50);
    await expect.poll(() => signal.aborted).toBe(true);
  });

  test('is over when its parent is', () => {
    const parent = new AbortController();
    const deadline = deadlineIn(5_000, clockAt(0), parent.signal);
    expect(deadline.remainingMs()).toBe(5_000);
    parent.abort();
    expect([deadline.remainingMs(), deadline.signal.aborted]).toEqual([0, true]);
  });

  test('neither comes nor follows its parent once its work is done', async () => {
    const parent = new AbortController();
    const signals = [];
    {
      using short = deadlineIn(1, monotonicClock);
      using child = deadlineIn(60_000, monotonicClock, parent.signal);
      signals.push(short.signal, child.signal);
    }
    parent.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });
});
