import { describe, expect, test } from 'vitest';
import { type Deadline, deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { retry } from '../../../shared/retry.ts';

function failing(times: number) {
  const failures: Error[] = [];
  const attempt = async () => {
    if (failures.length >= times) return 'done';
    failures.push(new Error(`failure ${failures.length + 1}`));
    throw failures.at(-1);
  };
  return { attempt, count: () => failures.length };
}

async function outcome(attempt: () => Promise<string>, deadline: Deadline, delays: readonly number[]) {
  const waited: number[] = [];
  const delayAfter = (_: unknown, attempts: number) => {
    waited.push(attempts);
    return delays[attempts - 1];
  };
  const result = await retry(attempt, { deadline, delayAfter }).catch((error: Error) => error.message);
  return { result, waited };
}

describe('an attempt', () => {
  test.each([
    ['that succeeds is the only one', 0, [1], { result: 'done', waited: [] }],
    ['that fails twice is made three times', 2, [1, 1], { result: 'done', waited: [1, 2] }],
    ['whose failure is permanent is the only one', 2, [], { result: 'failure 1', waited: [1] }],
    ['that keeps failing fails with its last failure', 9, [1, 1], { result: 'failure 3', waited: [1, 2, 3] }],
    ['that would come too late is not made', 2, [1, 9_000], { result: 'failure 2', waited: [1, 2] }],
  ])('%s', async (_, times, delays, expected) => {
    using deadline = deadlineIn(5_000, monotonicClock);
    expect(await outcome(failing(times).attempt, deadline, delays)).toEqual(expected);
  });

  test('whose caller hangs up while it waits is not made', async () => {
    const caller = new AbortController();
    using deadline = deadlineIn(5_000, monotonicClock, caller.signal);
    const { attempt, count } = failing(9);
    setTimeout(() => caller.abort(), 10);
    expect(await outcome(attempt, deadline, [2_000])).toMatchObject({ result: 'failure 1' });
    expect(count()).toBe(1);
  });
});
