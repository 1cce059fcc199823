/**
 * Restores the configuration if the functions did not become ready with the new one: the old functions keep running,
 * start again from zero, and would read a configuration that may not fit them.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Kubectl } from '../kubectl.ts';
import { find, type KubernetesObject, keyOf, listOf, NAMESPACE, nameOf, reference } from '../objects.ts';
import { type Applying, apply } from './apply.ts';

const CONFIGURATION = ['configuration', 'vault-ca'].map((name) =>
  reference('v1', 'ConfigMap', name, NAMESPACE),
);

/** @returns a function that restores what has changed since, and says what that is. */
export async function rememberConfiguration(
  kubectl: Kubectl,
  applying: Applying,
): Promise<() => Promise<readonly string[]>> {
  const before = await find(kubectl, CONFIGURATION);
  return async () => {
    // A first installation has nothing to restore.
    if (before.length === 0) return [];
    const now = new Map((await find(kubectl, CONFIGURATION)).map((object) => [keyOf(object), object]));
    const changed = before.filter((one) => !isDeepStrictEqual(one['data'], now.get(keyOf(one))?.['data']));
    if (changed.length > 0) await apply(kubectl, changed.map(asApplied), applying);
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
