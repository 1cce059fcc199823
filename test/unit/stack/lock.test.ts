import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { withLock } from '../../stack/process/lock.ts';

const folder = await mkdtemp(join(tmpdir(), 'lock-'));
afterAll(() => rm(folder, { recursive: true }));
const file = (name: string) => join(folder, name);
const never = () => {
  throw new Error('it waits');
};

test('who has one lock may take another', async () => {
  const inner = () => withLock(file('inner'), async () => 'done', never);
  await expect(withLock(file('outer'), inner, never)).resolves.toBe('done');
});

test('two calls for one lock take turns', async () => {
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`${name} ends`);
  };
  await Promise.all(['one', 'two'].map((name) => withLock(file('same'), work(name), never)));
  expect(order).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
});

test('a call that fails lets the next one have it', async () => {
  const fails = withLock(file('failing'), () => Promise.reject(new Error('no')), never);
  await expect(fails).rejects.toThrow('no');
  await expect(withLock(file('failing'), async () => 'done', never)).resolves.toBe('done');
});
