/** Kubernetes objects, as far as the commands read them. */
import * as v from 'valibot';
import type { Kubectl } from './kubectl.ts';

export const NAMESPACE = 'vault-injector';
/** Field owners, as server-side apply sees them. */
export const FIELD_MANAGER = 'vault-db-injector';
export const PART_OF = 'app.kubernetes.io/part-of=vault-db-injector';
export const WEBHOOK = 'vault-db-injector';

const Metadata = v.looseObject({
  name: v.string(),
  namespace: v.exactOptional(v.string()),
  resourceVersion: v.exactOptional(v.string()),
  generation: v.exactOptional(v.number()),
  labels: v.exactOptional(v.record(v.string(), v.string())),
  annotations: v.exactOptional(v.record(v.string(), v.string())),
  ownerReferences: v.exactOptional(v.array(v.unknown())),
});
export const KubernetesObject = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: Metadata,
});
export type KubernetesObject = v.InferOutput<typeof KubernetesObject>;

const List = v.object({ kind: v.literal('List'), items: v.array(KubernetesObject) });
const Output = v.union([
  v.pipe(
    List,
    v.transform(({ items }) => items),
  ),
  v.pipe(
    KubernetesObject,
    v.transform((one) => [one]),
  ),
]);

/** Parsed output of kubectl for one object or several; empty for none. */
export function objectsIn(output: unknown): KubernetesObject[] {
  return output === undefined ? [] : v.parse(Output, output);
}

/** Input for `-f -`. */
export function listOf(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

/** Existing ones among them, in one call. Leave out kinds that the cluster does not define. */
export async function find(
  kubectl: Kubectl,
  wanted: readonly KubernetesObject[],
): Promise<KubernetesObject[]> {
  if (wanted.length === 0) return [];
  return objectsIn(await kubectl.json(['get', '--ignore-not-found', '--filename=-'], listOf(wanted)));
}

/** Reference to an object by its name alone. */
export function reference(
  apiVersion: string,
  kind: string,
  name: string,
  namespace?: string,
): KubernetesObject {
  return { apiVersion, kind, metadata: { name, ...(namespace && { namespace }) } };
}

/** The object's identity. */
export function keyOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
  return [group, kind, metadata.namespace ?? '', metadata.name].join('/');
}

/** Display name for people. */
export function nameOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.name}`;
}
