/** An AdmissionReview is only JSON: a sender without the path's secret gets nothing for it. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Census, NOTHING, newSince, takeCensus } from '../support/census.ts';
import { podWith } from '../support/pods.ts';
import { ask, post, reviewOf } from '../support/reviews.ts';
import { admission, stack } from '../support/stack.ts';

const newSecret = () => randomBytes(32).toString('hex');
/** Sent in the name of a pod of the reference's example, which may have the role. */
const forged = () => reviewOf(podWith({ role: 'gule-rw' }));
let before: Census;

beforeEach(async () => {
  before = await takeCensus();
});

describe('without the path secret', () => {
  const paths = [
    ['the root', '/'],
    ['another secret', `/${newSecret()}`],
    ['half of it', admission.path.slice(0, 33)],
    ['more than it', `${admission.path}0`],
    ['something below it', `${admission.path}/x`],
    ['it in capitals', admission.path.toUpperCase()],
    ['what the manifests have until one is made', '/the-path-secret-is-not-set'],
    ['a name that every object has', '/constructor'],
    ['a way out of the folder of secrets', '/../webhook-path/current'],
  ] as const;

  test.each(paths)('%s: 404, and nothing is issued', async (_, path) => {
    const { status, body } = await post({ url: admission.url, path }, JSON.stringify(forged()));
    expect([status, body]).toEqual([404, 'there is nothing at this path\n']);
    expect(await newSince(before)).toEqual(NOTHING);
  });
});

async function secretsIn(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'webhook-path-'));
  for (const [name, secret] of Object.entries(files)) await writeFile(join(folder, name), secret);
  return folder;
}

const start = (overrides: Readonly<Record<string, string | boolean | null>>) =>
  stack.startFunction({ name: 'admission', overrides });

test('while one secret takes the place of another, both are accepted; afterwards the old one is not', async () => {
  const [current, next] = [newSecret(), newSecret()];
  const folder = await secretsIn({ current });
  // What a mounted Secret has beside its keys.
  await mkdir(join(folder, '..2026_11_22'));
  const own = await start({ webhookPathSecretFolder: folder });
  const statusOf = async (secret: string) =>
    (await post({ ...own, path: `/${secret}` }, JSON.stringify(forged()))).status;
  expect([await statusOf(current), await statusOf(next)]).toEqual([200, 404]);
  await writeFile(join(folder, 'next'), `${next}\n`);
  await expect.poll(() => statusOf(next)).toBe(200);
  expect(await statusOf(current)).toBe(200);
  await rm(join(folder, 'current'));
  await expect.poll(() => statusOf(current)).toBe(404);
  // Accepted secrets stay accepted while the volume is being replaced.
  await rm(folder, { recursive: true });
  expect(await statusOf(next)).toBe(200);
  await own.stop();
});

describe('a function without any secret', () => {
  async function lastWordsOf(overrides: Readonly<Record<string, string | boolean | null>>) {
    const own = await stack.startFunction({ name: 'admission', overrides, until: 'spawned' });
    expect(await own.exited).toBe(1);
    return readFile(own.logFile, 'utf8');
  }

  test('does not start', async () => {
    expect(await lastWordsOf({ webhookPathSecretFolder: null })).toContain(
      "webhookPathSecretFolder: is missing; without it anyone who reaches the function can request credentials in any pod's name",
    );
  });

  test.each([
    ['where the folder is empty', {}],
    ['where what is in it is too short to be one', { current: 'secret' }],
  ])('%s neither', async (_, files) => {
    const folder = await secretsIn(files);
    expect(await lastWordsOf({ webhookPathSecretFolder: folder })).toContain(`${folder} holds no secret`);
  });

  test('where the folder is not there neither', async () => {
    const folder = join(tmpdir(), newSecret());
    expect(await lastWordsOf({ webhookPathSecretFolder: folder })).toContain('cannot be read');
  });

  test('starts where that is what somebody wants, and is asked at the root', async () => {
    const own = await start({ webhookPathSecretFolder: null, allowUnauthenticatedAdmission: true });
    expect((await ask({ ...own, path: '/' }, forged())).allowed).toBe(true);
    await own.stop();
  });
});

test('the secret stands in no log of the function', async () => {
  const folder = await secretsIn({ current: newSecret() });
  const secret = await readFile(join(folder, 'current'), 'utf8');
  const own = await start({ webhookPathSecretFolder: folder, logLevel: 'debug' });
  await post({ ...own, path: `/${secret}` }, 'not a review');
  await post({ ...own, path: `/${secret}` }, JSON.stringify(forged()));
  await own.stop();
  expect(await readFile(own.logFile, 'utf8')).not.toContain(secret);
});
