/** What is asked before anything is changed, where the namespace is still to be made. */
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { rehearse } from '../../../../cli/install/rehearse.ts';
import type { Kubectl } from '../../../../cli/kubectl.ts';
import { KubernetesObject } from '../../../../cli/objects.ts';

const List = v.object({ items: v.array(KubernetesObject) });
const configMap = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'vault-injector' },
});

/** @param refusals what the API server says of an object, by its name. @param there names in the namespace `default`. */
function cluster(refusals: Readonly<Record<string, string>>, there: readonly string[] = []) {
  const asked: string[] = [];
  const unexpected = async () => expect.unreachable();
  const kubectl: Kubectl = {
    text: unexpected,
    async json(_, input = '') {
      const found = v
        .parse(List, JSON.parse(input))
        .items.filter(({ metadata }) => there.includes(metadata.name));
      return { kind: 'List', items: found };
    },
    async run(_, input = '') {
      const { items } = v.parse(List, JSON.parse(input));
      asked.push(...items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
      const said = items.flatMap(({ metadata }) => refusals[metadata.name] ?? []);
      return { code: said.length === 0 ? 0 : 1, stdout: '', stderr: said.join('\n') };
    },
  };
  return { kubectl, asked };
}

const noForce = { force: false };

test('the namespace `default` stands in for it', async () => {
  const { kubectl, asked } = cluster({});
  await rehearse(kubectl, [configMap('one'), configMap('two')], noForce);
  expect(asked).toEqual(['default/one', 'default/two']);
});

test('but not for what has a name that somebody uses there', async () => {
  const { kubectl, asked } = cluster({ one: 'The ConfigMap "one" is invalid: data: immutable' }, ['one']);
  await rehearse(kubectl, [configMap('one'), configMap('two')], noForce);
  expect(asked).toEqual(['default/two']);
});

test.each([
  'The ConfigMap "one" is invalid: data: wrong',
  'Error from server (BadRequest): ConfigMap in version "v1" cannot be handled: strict decoding error: unknown field "dta"',
  'admission webhook "validation.webhook.serving.knative.dev" denied the request: validation failed: spec',
])('what is wrong anywhere is refused, and named where it was to be: %s', async (said) => {
  const { kubectl } = cluster({ one: said });
  await expect(rehearse(kubectl, [configMap('one'), configMap('two')], noForce)).rejects.toThrow(
    /would refuse:\n {2}- ConfigMap one in vault-injector: /,
  );
});

test.each([
  'admission webhook "validate.kyverno.svc-fail" denied the request: nothing in the namespace default',
  'configmaps "one" is forbidden: exceeded quota: of-default',
])('what is said of the stand-in alone is not: %s', async (said) => {
  const { kubectl } = cluster({ one: said });
  await rehearse(kubectl, [configMap('one'), configMap('two')], noForce);
});
