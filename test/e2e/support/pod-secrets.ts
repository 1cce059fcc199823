/** The Secrets that pods' credentials stand in, read as an administrator. */
import * as v from 'valibot';
import { exampleNamespace, stack } from './stack.ts';

const PodSecret = v.object({
  metadata: v.object({
    name: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
    ownerReferences: v.optional(
      v.array(v.object({ kind: v.string(), name: v.string(), uid: v.string() })),
      [],
    ),
  }),
  type: v.string(),
  immutable: v.optional(v.boolean(), false),
  data: v.optional(v.record(v.string(), v.string()), {}),
});
export type PodSecret = v.InferOutput<typeof PodSecret>;

async function podSecrets(namespace = exampleNamespace): Promise<PodSecret[]> {
  const selector = 'labelSelector=vault-db-injector.numberly.io/credentials=true';
  const list = await stack.kubernetes.call('GET', `/api/v1/namespaces/${namespace}/secrets?${selector}`);
  return v.parse(v.object({ items: v.array(PodSecret) }), list).items;
}

export const secretNames = async (namespace?: string) =>
  (await podSecrets(namespace)).map(({ metadata }) => metadata.name);

/** The Secret of the pod with these grants. */
export async function secretOf({ uuids }: { readonly uuids: readonly string[] }, namespace?: string) {
  const found = await podSecrets(namespace);
  return found.find(({ metadata }) => metadata.name === `db-creds-${uuids[0]}`);
}
