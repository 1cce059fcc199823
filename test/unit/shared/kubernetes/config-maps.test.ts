import { describe, expect, test } from 'vitest';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createConfigMaps } from '../../../../shared/kubernetes/config-maps.ts';

const deadline = deadlineIn(60_000, () => 0);
const FOLDER = '/api/v1/namespaces/own/configmaps';
const refused = (status: number, reason: string) =>
  new KubernetesError('kubernetes_rejected', 'no', status, { reason });

/** Answers one request, and fails on another. */
function configMaps(answer: unknown) {
  const requests: object[] = [];
  const client = {
    prepare: async () => {},
    namespace: async () => 'own',
    address: async () => 'https://127.0.0.1:6443',
    send: async ({ method, path, body }: { method: string; path: string; body?: object }) => {
      if (requests.push({ method, path, body }) > 1) throw new Error(`nobody expected ${path}`);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { requests, ...createConfigMaps(client, 'letter') };
}

describe('a ConfigMap', () => {
  test('is created once and for all, with the label, in the own namespace', async () => {
    const { create, requests } = configMaps({});
    expect(await create('a', { key: 'value' }, deadline)).toBe(true);
    const metadata = { name: 'a', labels: { letter: 'true' } };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, immutable: true, data: { key: 'value' } };
    expect(requests).toEqual([{ method: 'POST', path: FOLDER, body }]);
  });

  test('that is there already is not created', async () => {
    expect(await configMaps(refused(409, 'AlreadyExists')).create('a', {}, deadline)).toBe(false);
  });

  test('is deleted if it is still the same', async () => {
    const { requests, delete: remove } = configMaps({});
    await remove({ name: 'a', uid: 'u1' }, deadline);
    expect(requests).toEqual([
      {
        method: 'DELETE',
        path: `${FOLDER}/a`,
        body: expect.objectContaining({ preconditions: { uid: 'u1' } }),
      },
    ]);
  });

  test.each([
    [404, 'NotFound'],
    [409, 'Conflict'],
  ])('that is gone (%i %s) needs no deletion', async (status, reason) => {
    await configMaps(refused(status, reason)).delete({ name: 'a', uid: 'u1' }, deadline);
  });

  test.each([
    ['404 of a proxy', refused(404, '')],
    ['timeout', new KubernetesError('kubernetes_timeout', 'no', 0)],
  ])('a %s is an error for all', async (_, error) => {
    await expect(configMaps(error).create('a', {}, deadline)).rejects.toBe(error);
    await expect(configMaps(error).delete({ name: 'a', uid: 'u1' }, deadline)).rejects.toBe(error);
    await expect(configMaps(error).list(deadline)).rejects.toBe(error);
  });
});

test('all with the label are listed, whatever is in them', async () => {
  const items = [{ data: { key: 'value' } }, {}, { data: null }].map((item, index) => ({
    metadata: { name: `letter-${index}`, uid: `u${index}`, labels: {} },
    ...item,
  }));
  const { list, requests } = configMaps({ kind: 'ConfigMapList', metadata: {}, items });
  expect((await list(deadline)).map(({ name, uid, data }) => [name, uid, data])).toEqual([
    ['letter-0', 'u0', { key: 'value' }],
    ['letter-1', 'u1', undefined],
    ['letter-2', 'u2', null],
  ]);
  expect(requests).toEqual([
    expect.objectContaining({ path: `${FOLDER}?labelSelector=letter%3Dtrue&limit=500` }),
  ]);
});
