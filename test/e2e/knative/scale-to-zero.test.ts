/** Admission from zero: the activator holds what comes, one instance is started, everybody is served. */
import { expect, test } from 'vitest';
import { takeCensus } from '../support/census.ts';
import { createPod, environmentOf, podWith, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { stack } from '../support/stack.ts';

const AT_ONCE = 50;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const admitOne = () => createPod(podWith({ role: 'gule-rw' }));

test('a pod that finds no instance waits for one; the next finds it', async () => {
  await admitOne();
  await stack.control.scaleToZero('admission');
  const before = await stack.control.starts('admission');
  const cold = await timed(admitOne);
  const warm = await timed(admitOne);
  expect(await stack.control.starts('admission')).toBe(before + 1);
  console.log(`admission from zero: ${Math.round(cold)} ms, warm: ${Math.round(warm)} ms`);
});

test('fifty pods at once that find none: one is started, each gets credentials of its own', async () => {
  await stack.control.scaleToZero('admission');
  const before = await stack.control.starts('admission');
  const created = await Promise.all(
    Array.from({ length: AT_ONCE }, () => tryCreatePod(podWith({ role: 'gule-rw' }))),
  );
  const pods = created.flatMap(({ pod }) => pod ?? []);
  expect(created.flatMap(({ refusal }) => refusal ?? [])).toEqual([]);
  expect(await stack.control.starts('admission')).toBe(before + 1);
  expect(new Set(pods.flatMap(uuidsOf)).size).toBe(AT_ONCE);
  const users = new Set((await takeCensus()).databaseUsers);
  expect(pods.filter((pod) => users.has(environmentOf(pod)['DBUSER'] ?? ''))).toHaveLength(AT_ONCE);
});

test('an instance that crashed is replaced: the pod that comes next is admitted', async () => {
  await admitOne();
  const before = await stack.control.starts('admission');
  await stack.control.signal(before === 1 ? 'admission' : `admission-${before}`, 'SIGKILL');
  // One that comes at that very moment may still be sent to it, and is denied.
  await expect
    .poll(async () => (await tryCreatePod(podWith({ role: 'gule-rw' }))).refusal, { timeout: 30_000 })
    .toBeUndefined();
  expect(await stack.control.starts('admission')).toBe(before + 1);
});
