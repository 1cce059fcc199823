import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { licenseOf, noticeOf, packagesIn } from '../../third-party-licenses.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'license-'));
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, text: string) => writeFile(join(folder, name), text);
const about = (license?: unknown) =>
  put('package.json', JSON.stringify({ name: 'x', version: '1.0.0', license }));

describe('a package', () => {
  test('has its licence and what has to be said beside it', async () => {
    await about('Apache-2.0');
    await put('LICENSE', 'Apache License');
    await put('NOTICE.txt', 'Made by somebody');
    const license = await licenseOf(folder);
    expect(license).toEqual({
      name: 'x',
      version: '1.0.0',
      id: 'Apache-2.0',
      text: 'Apache License\n\nMade by somebody',
    });
    expect(noticeOf([license])).toContain('x 1.0.0 (Apache-2.0)');
  });

  test('may have it in its README', async () => {
    await about('MIT');
    await put('README.md', '# x\n\nDoes x.\n\n## Licence\n\nCopyright (c) somebody\n');
    expect((await licenseOf(folder)).text).toBe('## Licence\n\nCopyright (c) somebody');
  });

  test.each([
    ['FSL-1.1-Apache-2.0'],
    ['GPL-3.0-only'],
    ['UNLICENSED'],
    ['MIT OR GPL-2.0'],
    [undefined],
    [{ type: 'MIT' }],
  ])('under %j stops the build', async (license) => {
    await about(license);
    await put('LICENSE', 'text');
    await expect(licenseOf(folder)).rejects.toThrow(/^x would be shipped, under the licence/);
  });

  test('without a text stops it, too', async () => {
    await about('MIT');
    await expect(licenseOf(folder)).rejects.toThrow('has no text of its licence');
  });
});

test('what counts is what is in an output, wherever it was loaded from', () => {
  const inputs = (paths: Record<string, number>) =>
    Object.fromEntries(Object.entries(paths).map(([path, bytesInOutput]) => [path, { bytesInOutput }]));
  const output = { bytes: 1, imports: [], exports: [] };
  const outputs = {
    'dist/a.cjs': {
      ...output,
      inputs: inputs({
        'functions/admission/index.ts': 10,
        'node_modules/pino/pino.js': 10,
        'node_modules/@sentry/node/index.js': 10,
        'node_modules/a/node_modules/b/c/index.js': 10,
        [`late:${process.cwd()}/node_modules/qs/lib/index.js`]: 10,
        'stand-in:debug': 10,
        'node_modules/sentry/dist/index.js': 0,
      }),
    },
  };
  expect(packagesIn([{ outputs }])).toEqual([
    'node_modules/@sentry/node',
    'node_modules/a/node_modules/b',
    'node_modules/pino',
    'node_modules/qs',
  ]);
});
