/**
 * The configuration as it was, where the functions that were to read the new one did not become ready: the ones of before go
 * on, start anew from zero, and would read what may not be for them.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Kubectl } from '../kubectl.ts';
import { find, type KubernetesObject, keyOf, NAMESPACE, nameOf, reference } from '../objects.ts';
import { apply } from './apply.ts';

const CONFIGURATION = ['configuration', 'vault-ca'].map((name) =>
  reference('v1', 'ConfigMap', name, NAMESPACE),
);

/** @returns a function that puts back what has been changed since, and says what that is. */
export async function rememberConfiguration(
  kubectl: Kubectl,
  kubectlForce: { readonly force: boolean },
): Promise<() => Promise<readonly string[]>> {
  const before = await find(kubectl, CONFIGURATION);
  return async () => {
    const now = new Map((await find(kubectl, before)).map((object) => [keyOf(object), object]));
    const changed = before.filter((one) => !isDeepStrictEqual(one['data'], now.get(keyOf(one))?.['data']));
    if (changed.length > 0) await apply(kubectl, changed.map(asApplied), kubectlForce);
    return changed.map(nameOf);
  };
}

function asApplied({ apiVersion, kind, metadata, ...rest }: KubernetesObject): KubernetesObject {
  const { name, labels } = metadata;
  const data = rest['data'];
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE, ...(labels && { labels }) }, data };
}
