/**
 * The configuration as it was, where the functions that were to read the new one did not become ready: the ones of before go
 * on, start anew from zero, and would read what may not be for them.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Kubectl } from '../kubectl.ts';
import { find, type KubernetesObject, keyOf, listOf, NAMESPACE, nameOf, reference } from '../objects.ts';
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
    // A first installation has nothing to go back to.
    if (before.length === 0) return [];
    const now = new Map((await find(kubectl, CONFIGURATION)).map((object) => [keyOf(object), object]));
    const changed = before.filter((one) => !isDeepStrictEqual(one['data'], now.get(keyOf(one))?.['data']));
    if (changed.length > 0) await apply(kubectl, changed.map(asApplied), kubectlForce);
    const known = new Set(before.map(keyOf));
    const added = [...now.values()].filter((one) => !known.has(keyOf(one)));
    if (added.length > 0) await kubectl.text(['delete', '--ignore-not-found', '--filename=-'], listOf(added));
    return [...changed.map(nameOf), ...added.map((one) => `${nameOf(one)} (removed)`)];
  };
}

function asApplied({ apiVersion, kind, metadata, ...rest }: KubernetesObject): KubernetesObject {
  const { name, labels } = metadata;
  const data = rest['data'];
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE, ...(labels && { labels }) }, data };
}
