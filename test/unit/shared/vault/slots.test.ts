import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InjectorError } from '../../../../shared/errors.ts';
import type { Kv } from '../../../../shared/vault/kv.ts';
import { vaultPath } from '../../../../shared/vault/path.ts';
import { createSlots } from '../../../../shared/vault/slots.ts';
import { newWork } from '../../../support/work.ts';

const scope = { namespace: 'team', mount: 'db/main', role: 'rw' };

/** Vault as far as it goes: each request is done at one moment, which the scheduler picks. */
function kvOf(entries: Set<string>, moment: <T>(act: () => T) => Promise<T>): Kv {
  return {
    read: async () => expect.unreachable(),
    write: async () => expect.unreachable(),
    keepOneVersion: (_, path) => moment(() => void entries.add(path)),
    remove: (_, path) => moment(() => void entries.delete(path)),
    list: (_, path) =>
      moment(() => {
        const below = [...entries].flatMap((entry) =>
          entry.startsWith(`${path}/`) ? [entry.slice(path.length + 1)] : [],
        );
        return [...new Set(below.map((rest) => rest.replace(/\/.*/, '/')))];
      }),
  };
}
const idOf = (number: number) => `019a0000-0000-7000-8000-00000000000${number}`;
const [A, B, C] = [idOf(1), idOf(2), idOf(3)] as const;
const atOnce = async <T>(act: () => T) => act();

test('whatever the order of requests, there are never more than may be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 8 }),
      async (scheduler, most, comers) => {
        const moment = <T>(act: () => T) => scheduler.schedule(Promise.resolve()).then(act);
        const entries = new Set<string>();
        const come = async (number: number) => {
          const slots = createSlots(kvOf(entries, moment), 'held', most);
          try {
            await slots.take(idOf(number), scope, newWork());
            return true;
          } catch (error) {
            expect(error).toMatchObject({ code: 'too_many_grants' });
            await slots.release(idOf(number), scope, newWork());
            return false;
          }
        };
        const all = Promise.all(Array.from({ length: comers }, (_, number) => come(number)));
        await scheduler.waitFor(all);
        const given = (await all).filter(Boolean).length;
        expect(given).toBeLessThanOrEqual(most);
        // Where all could have one, all have.
        if (comers <= most) expect(given).toBe(comers);
        expect(entries.size).toBe(given);
      },
    ),
  );
});

test('a slot is counted for its namespace, mount and role alone', async () => {
  const slots = createSlots(kvOf(new Set(), atOnce), 'held', 1);
  await slots.take(A, scope, newWork());
  for (const other of [{ namespace: 'other' }, { mount: 'db' }, { role: 'ro' }])
    await slots.take(B, { ...scope, ...other }, newWork());
  await expect(slots.take(C, scope, newWork())).rejects.toThrow(
    'namespace "team" holds 1 grant of role "rw" at "db/main", and maxGrantsPerRole allows 1',
  );
  await expect(slots.take(C, scope, newWork())).rejects.toBeInstanceOf(InjectorError);
});

test('one that is taken again is the same', async () => {
  const slots = createSlots(kvOf(new Set(), atOnce), 'held', 1);
  await slots.take(A, scope, newWork());
  await slots.take(A, scope, newWork());
});

test('all of them tell whose they are, and nothing else is one', async () => {
  const slots = createSlots(kvOf(new Set(['held/team', 'held/team/x/y']), atOnce), 'held', 9);
  const added = [
    { ...scope, uuid: A },
    { ...scope, mount: 'db', uuid: B },
  ];
  for (const slot of added) await slots.put(slot.uuid, slot, newWork());
  const found = await slots.all(newWork());
  expect(found.toSorted((left, right) => (left.uuid < right.uuid ? -1 : 1))).toEqual(added);
});

test('what no grant has as its name takes no slot, and hinders nothing', async () => {
  const uuid = A;
  const folder = 'held/team/db/main/rw';
  const others = ['a%b', 'a%b/x', 'A', '..', 'copy of it'].map((name) => `${folder}/${name}`);
  const entries = new Set([`${folder}/${uuid}`, ...others, 'held/a?b/c/d/e', 'held/x']);
  const kv = kvOf(entries, atOnce);
  const list: Kv['list'] = async (what, path, within) => {
    vaultPath('mount', path);
    return kv.list(what, path, within);
  };
  const slots = createSlots({ ...kv, list }, 'held', 2);
  expect(await slots.all(newWork())).toEqual([{ ...scope, uuid }]);
  await slots.take(B, scope, newWork());
});

test('folders without end are not gone down into', async () => {
  let asked = 0;
  const list = async () => {
    asked += 1;
    return ['deeper/'];
  };
  const slots = createSlots({ ...kvOf(new Set(), atOnce), list }, 'held', 1);
  expect(await slots.all(newWork())).toEqual([]);
  expect(asked).toBeLessThan(20);
});
