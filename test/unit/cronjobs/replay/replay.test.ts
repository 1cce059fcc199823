import { describe, expect, test } from 'vitest';
import { exitCodeOf, replay } from '../../../../cronjobs/replay/replay.ts';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { InjectorError } from '../../../../shared/errors.ts';
import { storedForm } from '../../../../shared/events/dead-letter.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const letterOf = (name: string, time: string) =>
  storedForm({
    pod: { namespace: 'team', name, uuids: ['019a0000-0000-7000-8000-000000000001'] },
    source: 'https://api-server',
    id: name,
    subject: '',
    time,
    errorCode: '503',
    errorDestination: '',
    replays: 0,
  });
const stored = (...letters: readonly { readonly name: string; readonly data: unknown }[]) =>
  letters.map((letter) => ({ ...letter, uid: `uid of ${letter.name}` }));

interface World {
  readonly list: ReturnType<typeof stored>;
  readonly refuses?: readonly string[];
  readonly keeps?: boolean;
}

async function run({ list, refuses = [], keeps = false }: World) {
  const sent: string[] = [];
  const deleted: string[] = [];
  const { log, lines } = createKeptLog();
  const report = await replay(
    {
      configMaps: {
        list: async () => list,
        delete: async ({ name, uid }) => {
          if (keeps) throw new KubernetesError('kubernetes_denied', 'no', 403);
          expect(uid).toBe(`uid of ${name}`);
          deleted.push(name);
        },
      },
      send: async ({ pod }) => {
        sent.push(pod.name);
        if (refuses.includes(pod.name)) throw new InjectorError('sink_unavailable', 'HTTP 503');
      },
      log,
    },
    deadlineIn(60_000, () => 0),
  );
  return { report, code: exitCodeOf(report), sent, deleted, lines };
}

const [a, b, c] = [
  letterOf('a', '2026-01-03T00:00:00Z'),
  letterOf('b', '2026-01-01T00:00:00Z'),
  letterOf('c', 'some time'),
];

describe('dead letters', () => {
  test('are sent in the order in which they happened, and deleted', async () => {
    const { report, code, sent, deleted } = await run({ list: stored(a, b, c) });
    expect([report, code]).toEqual([{ found: 3, sent: 3, failed: 0, unreadable: 0 }, 0]);
    expect(sent).toEqual(['c', 'b', 'a']);
    expect(deleted.toSorted()).toEqual([a.name, b.name, c.name].toSorted());
  });

  test('none of them: all is done', async () => {
    expect((await run({ list: [] })).code).toBe(0);
  });

  test('that the sink does not take stay; the others go on', async () => {
    const { report, code, deleted, lines } = await run({ list: stored(a, b), refuses: ['b'] });
    expect([report, code, deleted]).toEqual([{ found: 2, sent: 1, failed: 1, unreadable: 0 }, 1, [a.name]]);
    expect(lines).toEqual([expect.objectContaining({ level: 'error', code: 'sink_unavailable', pod: 'b' })]);
  });

  test('that were sent but cannot be deleted count as failed', async () => {
    const { report, code } = await run({ list: stored(a), keeps: true });
    expect([report.failed, code]).toEqual([1, 1]);
  });

  test('that are none are left alone, and named', async () => {
    const foreign = { name: 'foreign', data: { uuids: 'planted' } };
    const { report, code, sent, deleted, lines } = await run({ list: stored(foreign, a) });
    expect([report, code]).toEqual([{ found: 2, sent: 1, failed: 0, unreadable: 1 }, 1]);
    expect([sent, deleted]).toEqual([['a'], [a.name]]);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('foreign') }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('planted');
  });
});

test('a list that cannot be read sends nothing', async () => {
  const error = new KubernetesError('kubernetes_unavailable', 'away', 503);
  const never = async () => {
    throw new Error('nobody expected this');
  };
  const { log } = createKeptLog();
  const parts = { configMaps: { list: () => Promise.reject(error), delete: never }, send: never, log };
  await expect(
    replay(
      parts,
      deadlineIn(60_000, () => 0),
    ),
  ).rejects.toBe(error);
});
