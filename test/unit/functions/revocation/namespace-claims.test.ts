import { describe, expect, it } from 'vitest';
import { createNamespaceClaims } from '../../../../functions/revocation/namespace-claims.ts';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';

/** Lists that end when they are told to. */
function start() {
  const lists: { readonly namespace: string; end(name: string): void; fail(): void }[] = [];
  const claims = createNamespaceClaims({
    listNamespace: (namespace) =>
      new Promise((resolve, reject) => {
        lists.push({
          namespace,
          end: (name) => resolve([{ namespace, name, uid: name, uuids: [] }]),
          fail: () => reject(new Error('away')),
        });
      }),
  });
  const ask = async (namespace = 'team') =>
    (await claims(namespace, deadlineIn(5_000, monotonicClock)))[0]?.name;
  return { lists, ask };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('events of one namespace', () => {
  it('that arrive while a list is under way share the next one: the running one may be older than they are', async () => {
    const { lists, ask } = start();
    const first = ask();
    const burst = [ask(), ask(), ask()];
    expect(lists).toHaveLength(1);
    lists[0]?.end('before');
    await settled();
    expect(lists).toHaveLength(2);
    lists[1]?.end('after');
    expect([await first, ...(await Promise.all(burst))]).toEqual(['before', 'after', 'after', 'after']);
  });

  it('are listed anew once nothing is under way', async () => {
    const { lists, ask } = start();
    for (const name of ['one', 'two']) {
      const asked = ask();
      lists.at(-1)?.end(name);
      expect(await asked).toBe(name);
      await settled();
    }
    expect(lists).toHaveLength(2);
  });

  it('do not wait for another namespace, nor fail with a list that they did not ask for', async () => {
    const { lists, ask } = start();
    const failing = ask();
    const other = ask('other');
    const next = ask();
    lists[1]?.end('there');
    expect(await other).toBe('there');
    lists[0]?.fail();
    await expect(failing).rejects.toThrow('away');
    await settled();
    lists[2]?.end('here');
    expect(await next).toBe('here');
  });
});

describe('a list that takes too long', () => {
  it("is the API server's time-out, not Vault's", async () => {
    const claims = createNamespaceClaims({ listNamespace: () => new Promise(() => {}) });
    const late = { code: 'kubernetes_timeout', message: expect.stringContaining('list the pods') };
    await expect(claims('team', deadlineIn(10, monotonicClock))).rejects.toMatchObject(late);
    await expect(claims('team', deadlineIn(10, monotonicClock))).rejects.toMatchObject(late);
  });
});
