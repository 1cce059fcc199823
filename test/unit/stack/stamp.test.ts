import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeOnce } from '../../stack/stamp.ts';

let folder: string;
let times: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stamp-'));
  times = 0;
  await write('in.txt', 'a');
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, content: string) => writeFile(join(folder, name), content);

/** How often it has been made by then. */
async function made(): Promise<number> {
  const what = { folder, inputs: ['*.txt'], outputs: '*.out' };
  await makeOnce(what, join(folder, 'stamp'), async () => {
    times += 1;
    await write('a.out', 'made');
  });
  return times;
}

test('what is there is not made again', async () => {
  expect([await made(), await made()]).toEqual([1, 1]);
});

test.each([
  ['an input has changed', () => write('in.txt', 'b')],
  ['there is another input', () => write('other.txt', '')],
  ['an output is gone', () => rm(join(folder, 'a.out'))],
  ['an output was made by something else', () => write('b.out', '')],
])('it is made again where %s', async (_, change) => {
  await made();
  await change();
  expect(await made()).toBe(2);
});

test('what failed is tried again', async () => {
  const fail = () => Promise.reject(new Error('not made'));
  const what = { folder, inputs: ['*.txt'], outputs: '*.out' };
  await expect(makeOnce(what, join(folder, 'stamp'), fail)).rejects.toThrow('not made');
  expect(await made()).toBe(1);
});
