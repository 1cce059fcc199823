/** What a rehearsal asks kubectl. The fake is the API server's word: of several objects it says which it accepts, and not of which it complains. */
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { rehearse } from '../../../../cli/install/rehearse.ts';
import type { Kubectl } from '../../../../cli/kubectl.ts';
import type { KubernetesObject } from '../../../../cli/objects.ts';

const List = v.object({
  items: v.array(
    v.object({ kind: v.string(), metadata: v.object({ name: v.string(), namespace: v.string() }) }),
  ),
});

const configMap = (name: string, namespace = 'vault-injector'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
});
const job = (name: string): KubernetesObject => ({
  ...configMap(name),
  apiVersion: 'batch/v1',
  kind: 'CronJob',
});

/** @param refused by name and namespace. */
function cluster(refused: readonly string[]) {
  const asked: number[] = [];
  const unexpected = () => Promise.reject(new Error('nobody expected this to be asked'));
  const kubectl: Kubectl = {
    async run(_args, input = '') {
      const { items } = v.parse(List, JSON.parse(input));
      asked.push(items.length);
      const isRefused = (one: (typeof items)[number]) =>
        refused.includes(`${one.metadata.namespace}/${one.metadata.name}`);
      const names = items
        .filter((one) => !isRefused(one))
        .map(
          ({ kind, metadata }) => `${kind === 'CronJob' ? 'cronjob.batch' : 'configmap'}/${metadata.name}\n`,
        );
      const bad = items.filter(isRefused);
      return {
        code: bad.length === 0 ? 0 : 1,
        stdout: names.join(''),
        stderr: bad.map(() => 'Error from server: not here\n').join(''),
      };
    },
    text: unexpected,
    json: async () => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'vault-injector' } }),
  };
  return { kubectl, asked };
}

const many = Array.from({ length: 38 }, (_, index) => configMap(`c${index}`));

test('all are asked about at once', async () => {
  const { kubectl, asked } = cluster([]);
  await rehearse(kubectl, many, { force: false });
  expect(asked).toEqual([38]);
});

test('then only what was not accepted, each by itself', async () => {
  const { kubectl, asked } = cluster(['vault-injector/renewal', 'vault-injector/c7']);
  await expect(rehearse(kubectl, [...many, job('renewal'), job('replay')], { force: false })).rejects.toThrow(
    /- ConfigMap c7 in vault-injector: .*not here\n.*- CronJob renewal in vault-injector: .*not here/,
  );
  expect(asked).toEqual([40, 1, 1]);
});

test('and of several of the same name, all', async () => {
  const { kubectl, asked } = cluster(['b/same']);
  const objects = [...many, configMap('same', 'a'), configMap('same', 'b')];
  await expect(rehearse(kubectl, objects, { force: false })).rejects.toThrow('- ConfigMap same in b: ');
  expect(asked).toEqual([40, 1, 1]);
});
