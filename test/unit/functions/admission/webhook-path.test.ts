import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWebhookPath } from '../../../../functions/admission/webhook-path.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const newSecret = () => randomBytes(32).toString('hex');
let folder: string;
let now: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-path-'));
  now = 7_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, content: string) => writeFileSync(join(folder, name), content);

async function open(wishes: { readonly folder?: string | undefined; readonly open?: boolean } = {}) {
  const { log, lines } = createKeptLog();
  const path = await createWebhookPath({ folder, open: false, clock: () => now, log, ...wishes });
  const accepted = async (...secrets: readonly string[]) =>
    Promise.all(secrets.map((secret) => path.accepts(`/${secret}`)));
  return { ...path, accepted, lines };
}

describe('a path is accepted', () => {
  test('that is one of the secrets in the folder, whatever their files are called', async () => {
    const [one, other] = [newSecret(), newSecret()];
    write('current', one);
    write('whatever', other);
    const { accepted } = await open();
    expect(await accepted(one, other, newSecret())).toEqual([true, true, false]);
  });

  test.each([
    ['a line feed', '\n'],
    ['a carriage return and a line feed', '\r\n'],
    ['blanks', ' \t '],
  ])('that is a secret with %s around it', async (_, around) => {
    const secret = newSecret();
    write('current', `${around}${secret}${around}`);
    expect(await (await open()).accepted(secret)).toEqual([true]);
  });

  test('without it at the root, where the API server sends the secret as its token', async () => {
    const secret = newSecret();
    write('current', secret);
    const { accepts } = await open();
    const tokens = [`Bearer ${secret}`, `Bearer ${newSecret()}`, secret, `Bearer ${secret} `, undefined];
    const accepted = await Promise.all(tokens.map((token) => accepts('/', token)));
    expect(accepted).toEqual([true, false, false, false, false]);
    expect(await accepts('/elsewhere', `Bearer ${secret}`)).toBe(false);
  });

  test('only as a whole and to the letter', async () => {
    const secret = `a${newSecret().slice(1)}`;
    write('current', secret);
    const { accepts } = await open();
    const near = [`/${secret.slice(1)}`, `/${secret}0`, `/${secret}/`, `//${secret}`, `/A${secret.slice(1)}`];
    const all = ['/', '', secret, ...near];
    expect(await Promise.all(all.map((path) => accepts(path)))).toEqual(all.map(() => false));
  });
});

describe('files count as secrets', () => {
  test('behind the links of a mounted Secret, and its own folders do not', async () => {
    const secret = newSecret();
    mkdirSync(join(folder, '..2026_01_01'));
    write('..2026_01_01/current', secret);
    symlinkSync('..2026_01_01', join(folder, '..data'));
    symlinkSync('..data/current', join(folder, 'current'));
    expect(await (await open()).accepted(secret)).toEqual([true]);
  });

  test('if they are not hidden', async () => {
    const [secret, hidden] = [newSecret(), newSecret()];
    write('current', secret);
    write('.current.swp', hidden);
    expect(await (await open()).accepted(secret, hidden)).toEqual([true, false]);
  });

  test.each([
    ['shorter', newSecret().slice(1)],
    ['longer', `${newSecret()}0`],
    ['in capitals', newSecret().toUpperCase().replace(/^./, 'A')],
    ['two of them', `${newSecret()}\n${newSecret()}`],
    ['nothing', ''],
  ])('if they have the form of one: %s has not', async (_, content) => {
    write('current', content);
    await expect(open()).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining(`${folder} holds no secret`),
    });
  });

  test('if they can be read', async () => {
    const away = join(folder, 'away');
    await expect(open({ folder: away })).rejects.toThrow(`the secrets in ${away} cannot be read`);
  });
});

describe('the folder is read again', () => {
  test('at most once a second, by the next who asks', async () => {
    const [old, next, last] = [newSecret(), newSecret(), newSecret()];
    write('current', old);
    const { accepted, accepts } = await open();
    write('current', next);
    now += 999;
    expect(await accepted(old, next)).toEqual([true, false]);
    now += 1;
    expect(await accepts(`/${next}`)).toBe(true);
    expect(await accepted(old)).toEqual([false]);
    write('next', last);
    now += 999;
    expect(await accepted(next, last)).toEqual([true, false]);
    now += 1;
    expect(await accepts(`/${last}`)).toBe(true);
  });

  test('and where that fails, the secrets stay what they were, with a line in the log', async () => {
    const [secret, next] = [newSecret(), newSecret()];
    write('current', secret);
    const { accepted, lines } = await open();
    renameSync(folder, `${folder}-away`);
    now += 1_000;
    expect(await accepted(secret)).toEqual([true]);
    expect(lines).toEqual([
      {
        level: 'error',
        message: 'the secrets of the webhook path cannot be read again',
        code: 'configuration_invalid',
      },
    ]);
    renameSync(`${folder}-away`, folder);
    write('current', next);
    now += 1_000;
    expect(await accepted(next)).toEqual([true]);
    expect(await accepted(secret)).toEqual([false]);
    expect(lines).toHaveLength(1);
  });

  test('and where no secret is left in it, nothing is accepted any more', async () => {
    const secret = newSecret();
    write('current', secret);
    const { accepted } = await open();
    rmSync(join(folder, 'current'));
    now += 1_000;
    expect(await accepted(secret, '')).toEqual([false, false]);
  });
});

describe('the root', () => {
  test('is accepted where somebody wants that, with secrets or without', async () => {
    const secret = newSecret();
    expect(await (await open({ folder: undefined, open: true })).accepted('', secret)).toEqual([true, false]);
    write('current', secret);
    expect(await (await open({ open: true })).accepted('', secret)).toEqual([true, true]);
  });

  test('is the only path where there are no secrets', async () => {
    const { accepts } = await open({ open: true });
    expect(await Promise.all(['/', '', '/x', `/${newSecret()}`].map((path) => accepts(path)))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
