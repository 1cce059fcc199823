import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { InjectorError } from '../../../../shared/errors.ts';
import { createHeld } from '../../../../shared/vault/held.ts';
import type { Kv } from '../../../../shared/vault/kv.ts';
import { vaultPath } from '../../../../shared/vault/path.ts';

const work = () => ({ deadline: deadlineIn(60_000, () => 0), vaultCalls: 0 });
const holder = { namespace: 'team', mount: 'db/main', role: 'rw' };

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
          const held = createHeld(kvOf(entries, moment), 'held', most);
          try {
            await held.take(idOf(number), holder, work());
            return true;
          } catch (error) {
            expect(error).toMatchObject({ code: 'too_many_grants' });
            await held.release(idOf(number), holder, work());
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

test('a place is counted for its namespace, mount and role alone', async () => {
  const held = createHeld(kvOf(new Set(), atOnce), 'held', 1);
  await held.take(A, holder, work());
  for (const other of [{ namespace: 'other' }, { mount: 'db' }, { role: 'ro' }])
    await held.take(B, { ...holder, ...other }, work());
  await expect(held.take(C, holder, work())).rejects.toThrow(
    'namespace "team" holds 1 grant of role "rw" at "db/main", and maxGrantsPerRole allows 1',
  );
  await expect(held.take(C, holder, work())).rejects.toBeInstanceOf(InjectorError);
});

test('one that is taken again is the same', async () => {
  const held = createHeld(kvOf(new Set(), atOnce), 'held', 1);
  await held.take(A, holder, work());
  await held.take(A, holder, work());
});

test('all of them tell whose they are, and nothing else is one', async () => {
  const held = createHeld(kvOf(new Set(['held/team', 'held/team/x/y']), atOnce), 'held', 9);
  const places = [
    { ...holder, uuid: A },
    { ...holder, mount: 'db', uuid: B },
  ];
  for (const place of places) await held.put(place.uuid, place, work());
  const found = await held.all(work());
  expect(found.toSorted((left, right) => (left.uuid < right.uuid ? -1 : 1))).toEqual(places);
});

test('what no grant has as its name takes no place, and hinders nothing', async () => {
  const uuid = A;
  const folder = 'held/team/db/main/rw';
  const others = ['a%b', 'a%b/x', 'A', '..', 'copy of it'].map((name) => `${folder}/${name}`);
  const entries = new Set([`${folder}/${uuid}`, ...others, 'held/a?b/c/d/e', 'held/x']);
  const kv = kvOf(entries, atOnce);
  const list: Kv['list'] = async (what, path, within) => {
    vaultPath('mount', path);
    return kv.list(what, path, within);
  };
  const held = createHeld({ ...kv, list }, 'held', 2);
  expect(await held.all(work())).toEqual([{ ...holder, uuid }]);
  await held.take(B, holder, work());
});

test('folders without end are not gone down into', async () => {
  let asked = 0;
  const list = async () => {
    asked += 1;
    return ['deeper/'];
  };
  const held = createHeld({ ...kvOf(new Set(), atOnce), list }, 'held', 1);
  expect(await held.all(work())).toEqual([]);
  expect(asked).toBeLessThan(20);
});
