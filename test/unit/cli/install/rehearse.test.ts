/** What a rehearsal asks kubectl. The fake is the API server's word: of several objects it says which it accepts, and not of which it complains. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
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

interface Answers {
  /** What the API server says to each of those that it refuses. */
  readonly said?: string;
  /** Whether the namespace is there: on a first installation it is not. */
  readonly isThere?: boolean;
}

/** @param refused by name and namespace. */
function cluster(refused: readonly string[], { said = 'not here', isThere = true }: Answers = {}) {
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
        stderr: bad.map(() => `Error from server: ${said}\n`).join(''),
      };
    },
    text: unexpected,
    json: async () =>
      isThere
        ? { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'vault-injector' } }
        : { apiVersion: 'v1', kind: 'List', items: [] },
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

describe('on a first installation, the namespace default stands in, and what is wrong there only is no matter', () => {
  const webhook = 'admission webhook "validation.webhook.serving.knative.dev" denied the request:';
  test.each([
    ['a policy of its own', 'denied by a policy of the namespace default', false],
    [
      'a pod that Knative tries out',
      `${webhook} validation callback failed: dry run failed with pods "dry-run-validation" is forbidden: error looking up service account default/vault-db-injector-admission`,
      false,
    ],
    ['what Knative refuses anywhere', `${webhook} must not set the field(s): spec.template.spec.x`, true],
    ['a field that nobody knows', 'strict decoding error: unknown field "spec.x"', true],
  ])('%s', async (_, said, isTold) => {
    const { kubectl } = cluster(['default/c7'], { said, isThere: false });
    const answer = rehearse(kubectl, many, { force: false });
    if (isTold) await expect(answer).rejects.toThrow(/- ConfigMap c7 in vault-injector: /);
    else await expect(answer).resolves.toBeUndefined();
  });
});
