import { expect, test } from 'vitest';
import { apply } from '../../../../cli/install/apply.ts';
import type { Kubectl } from '../../../../cli/kubectl.ts';

const wanted = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { key: 'new' } };
const there = (data: string, resourceVersion: string, status: string) => ({
  ...wanted,
  metadata: { ...wanted.metadata, resourceVersion, managedFields: [{ time: status }] },
  data: { key: data },
  status: { observed: status },
});

/** A stub, since no real controller writes just between two calls: it answers with the object before and after. */
function answering(before: object | undefined, after: object): Kubectl {
  return {
    text: async () => '',
    json: async () => before,
    run: async () => ({ code: 0, stdout: JSON.stringify(after), stderr: '' }),
  };
}

test.each([
  ['is not there: it was created', undefined, { created: 1, changed: 0, unchanged: 0 }],
  ['differs: it was changed', there('old', '1', 'a'), { created: 0, changed: 1, unchanged: 0 }],
  ['is as asked: it was not changed', there('new', '2', 'b'), { created: 0, changed: 0, unchanged: 1 }],
  [
    'is as asked, and a controller writes its status meanwhile: it was not changed',
    there('new', '1', 'a'),
    { created: 0, changed: 0, unchanged: 1 },
  ],
])('an object that %s', async (_, before, counts) => {
  const { created, changed, unchanged } = await apply(answering(before, there('new', '2', 'b')), [wanted], {
    force: false,
  });
  expect({ created: created.length, changed: changed.length, unchanged: unchanged.length }).toEqual(counts);
});
