import { expect, test } from 'vitest';
import { createBackground } from '../../../shared/background.ts';

function begin() {
  const failures: unknown[] = [];
  const background = createBackground((thrown) => failures.push(thrown));
  let isSettled = false;
  const settled = () => background.settled(60_000).then(() => (isSettled = true));
  return { background, failures, settled, isSettled: () => isSettled };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('with nothing under way is settled', async () => {
  const { settled, isSettled } = begin();
  await settled();
  expect(isSettled()).toBe(true);
});

test('is settled when all work is done, what began meanwhile included', async () => {
  const { background, settled, isSettled } = begin();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  background.add(first.promise.then(() => background.add(second.promise)));
  const done = settled();
  first.resolve();
  await turn();
  expect(isSettled()).toBe(false);
  second.resolve();
  await done;
  expect(isSettled()).toBe(true);
});

test('is settled after work that failed, and says so', async () => {
  const { background, failures, settled } = begin();
  const failure = new Error('no');
  background.add(Promise.reject(failure));
  background.add(Promise.resolve());
  await settled();
  expect(failures).toEqual([failure]);
});

test('is waited for no longer than it may take', async () => {
  const { background, isSettled, settled } = begin();
  background.add(new Promise(() => {}));
  void settled();
  await background.settled(1);
  expect(isSettled()).toBe(false);
});
