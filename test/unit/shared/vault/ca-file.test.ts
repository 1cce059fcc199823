import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createCaFile } from '../../../../shared/vault/ca-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'ca-file-'));
const path = join(folder, 'ca.crt');
let now = 0;

beforeEach(() => {
  now = 0;
  writeFileSync(path, 'first');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Replaces the file like a mounted Secret: another file under the same name. */
function replace(content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

test('a file is looked at again after a second', () => {
  const file = createCaFile(path, () => now);
  expect(file.read()).toBe('first');
  replace('other');
  now = 999;
  expect(file.read()).toBe('first');
  now = 1_000;
  expect(file.read()).toBe('other');
});

test('one that was written over with as many bytes in the same moment is read again after a doubt', () => {
  const moment = new Date(1_000);
  utimesSync(path, moment, moment);
  const file = createCaFile(path, () => now);
  file.read();
  writeFileSync(path, 'other');
  utimesSync(path, moment, moment);
  now = 2_000;
  expect(file.read()).toBe('first');
  file.expire();
  expect(file.read()).toBe('other');
});

test('one that is away for a moment stays what it was', () => {
  const file = createCaFile(path, () => now);
  file.read();
  rmSync(path);
  now = 2_000;
  expect(file.read()).toBe('first');
});

test('one that was never there is an error that names it', () => {
  rmSync(path);
  expect(() => createCaFile(path, () => now).read()).toThrow(
    `the file of vaultCaFile (${path}) cannot be read`,
  );
});
