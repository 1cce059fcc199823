import { describe, expect, test } from 'vitest';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { AnswerTooLong, KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createPods, parseUuids } from '../../../../shared/kubernetes/pods.ts';

const deadline = deadlineIn(60_000, () => 0);
const item = (name: string, uuid?: string) => ({
  kind: 'Pod',
  metadata: {
    namespace: 'team',
    name,
    uid: `uid of ${name}`,
    ...(uuid !== undefined && { annotations: { 'db-creds-injector.numberly.io/uuid': uuid } }),
  },
});
const page = (items: unknown, more = '') => ({
  kind: 'PartialObjectMetadataList',
  metadata: { continue: more },
  items,
});

const gone = new KubernetesError('kubernetes_rejected', 'expired', 410);

/** Answers one after the other; one more request than answers fails. */
function pods(...answers: readonly unknown[]) {
  const queries: URLSearchParams[] = [];
  const api = {
    send: async ({ path, method }: { readonly path: string; readonly method: string }) => {
      expect(method).toBe('GET');
      queries.push(new URL(path, 'https://api').searchParams);
      const answer = answers[queries.length - 1];
      if (answer === undefined) throw new Error(`nobody expected ${path}`);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { queries, ...createPods(api) };
}

describe('the list of live pods', () => {
  test('comes in pages, which are put together, of those with the label that have not ended', async () => {
    const { listLive, queries } = pods(
      page([item('a', 'u1')], 'next'),
      page([item('b', 'u2,u3'), item('c')]),
    );
    expect(await listLive('inject', deadline)).toEqual([
      { namespace: 'team', name: 'a', uid: 'uid of a', uuids: ['u1'] },
      { namespace: 'team', name: 'b', uid: 'uid of b', uuids: ['u2', 'u3'] },
      { namespace: 'team', name: 'c', uid: 'uid of c', uuids: [] },
    ]);
    expect(queries.map((query) => [query.get('labelSelector'), query.get('continue')])).toEqual([
      ['inject=true', null],
      ['inject=true', 'next'],
    ]);
    expect(queries[0]?.get('fieldSelector')).toBe('status.phase!=Succeeded,status.phase!=Failed');
  });

  test('has no mirror of a static pod: it has no grant, and nobody is to miss one', async () => {
    const mirror = (name: string, more: object = {}) => {
      const annotations = { 'kubernetes.io/config.mirror': 'x', ...more };
      return { metadata: { ...item(name).metadata, annotations } };
    };
    const named = mirror('b', { 'db-creds-injector.numberly.io/uuid': 'u1' });
    const listed = await pods(page([mirror('a'), named, item('c')])).listLive('inject', deadline);
    expect(listed.map(({ name }) => name)).toEqual(['b', 'c']);
  });

  test.each([
    ['empty', []],
    ['null, as the API server sends it for none', null],
  ])('that is %s is a real answer', async (_, items) => {
    expect(await pods(page(items)).listLive('inject', deadline)).toEqual([]);
  });

  test('whose next page the API server no longer has is begun anew', async () => {
    const { listLive } = pods(page([item('a')], 'next'), gone, page([item('b')]));
    expect((await listLive('inject', deadline)).map(({ name }) => name)).toEqual(['b']);
  });

  test.each([
    ['whose next page is gone twice', [page([item('a')], 'next'), gone, page([item('a')], 'next'), gone]],
    [
      'whose next page is refused',
      [page([item('a')], 'next'), new KubernetesError('kubernetes_denied', '', 403)],
    ],
    ['without its items', [{ metadata: {} }]],
    ['with an item that is none', [page([item('a'), {}])]],
    ['that is none', ['<html></html>']],
    ['of something that is no list', [{ metadata: {}, items: null }]],
    ['of another kind', [{ ...page(null), kind: 'Status' }]],
    ['that goes round', [page([item('a')], 'x'), page([item('b')], 'y'), page([item('c')], 'x')]],
    ['that goes on at the same place', [page([], 'x'), page([], 'x')]],
    ['with an item too long for any page', Array.from({ length: 4 }, () => new AnswerTooLong())],
  ])('%s is never returned in part', async (_, answers) => {
    await expect(pods(...answers).listLive('inject', deadline)).rejects.toBeInstanceOf(KubernetesError);
  });
});

test('a page that is too long is asked for in smaller ones, and so are those behind it', async () => {
  const { listLive, queries } = pods(
    page([item('a')], 'x'),
    new AnswerTooLong(),
    new AnswerTooLong(),
    page([item('b')], 'y'),
    page([item('c')]),
  );
  expect((await listLive('inject', deadline)).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(queries.map((query) => `${query.get('limit')} ${query.get('continue')}`)).toEqual([
    '500 null',
    '500 x',
    '50 x',
    '5 x',
    '5 y',
  ]);
});

test('of long annotations no more is kept than may be ours', async () => {
  const long = { ...item('a', 'u'.repeat(200_000)) };
  Object.assign(long.metadata.annotations ?? {}, { other: 'x'.repeat(200_000) });
  const listed = await pods(page([long])).listLive('inject', deadline);
  expect(JSON.stringify(listed).length).toBeLessThan(2_500);
});

describe('an answer about other pods is none', () => {
  test('where those of a namespace were asked for', async () => {
    const listed = pods(page([item('a')])).listNamespace('others', deadline);
    await expect(listed).rejects.toThrow('is about other pods');
  });

  test.each([
    ['another name', { name: 'b' }],
    ['another namespace', { namespace: 'others' }],
  ])('where one was: %s', async (_, other) => {
    const answer = { ...item('a'), metadata: { ...item('a').metadata, ...other } };
    await expect(pods(answer).get('team', 'a', deadline)).rejects.toThrow('is about other pods');
  });

  test('and what is no pod at all', async () => {
    await expect(pods({ metadata: item('a').metadata }).get('team', 'a', deadline)).rejects.toThrow();
  });
});

describe('a pod', () => {
  test('that is there', async () => {
    expect(await pods(item('a', 'u1')).get('team', 'a', deadline)).toMatchObject({
      name: 'a',
      uuids: ['u1'],
    });
  });
  test.each(['Succeeded', 'Failed'])('that has %s is none', async (phase) => {
    expect(await pods({ ...item('a'), status: { phase } }).get('team', 'a', deadline)).toBeUndefined();
  });
  test('that is not there is none; one that cannot be asked for is an error', async () => {
    const answer = (status: number, reason: string) =>
      pods(new KubernetesError('kubernetes_rejected', 'x', status, { reason }));
    expect(await answer(404, 'NotFound').get('team', 'a', deadline)).toBeUndefined();
    await expect(answer(400, 'BadRequest').get('team', 'a', deadline)).rejects.toThrow('x');
    // Whatever stands before the API server may say so too: that proves nothing.
    await expect(answer(404, '').get('team', 'a', deadline)).rejects.toThrow('x');
  });
});

test.each([
  [undefined, []],
  ['', []],
  [' a , ,b,', ['a', 'b']],
])('the annotation %j names %j', (annotation, uuids) => {
  expect(parseUuids(annotation)).toEqual(uuids);
});
