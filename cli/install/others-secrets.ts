/**
 * Secrets that somebody else manages with the same content are left to them. Kustomize wraps base64, which
 * server-side apply takes for a different value: as a second owner of the field we would make their next apply a
 * conflict.
 */
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import type { Kubectl } from '../kubectl.ts';
import { FIELD_MANAGER, type KubernetesObject, keyOf, listOf, objectsIn } from '../objects.ts';

const Managed = v.object({
  data: v.optional(v.record(v.string(), v.string()), {}),
  metadata: v.object({
    managedFields: v.optional(
      v.array(v.object({ manager: v.string(), fieldsV1: v.optional(v.record(v.string(), v.unknown()), {}) })),
      [],
    ),
  }),
});
type Managed = v.InferOutput<typeof Managed>;

/** @returns the objects to apply. */
export async function withoutOthersSecrets(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
): Promise<readonly KubernetesObject[]> {
  const secrets = objects.filter(({ kind }) => kind === 'Secret');
  if (secrets.length === 0) return objects;
  const args = ['get', '--ignore-not-found', '--show-managed-fields', '--filename=-'];
  const found = objectsIn(await kubectl.json(args, listOf(secrets)));
  const theirs = new Set(
    secrets
      .filter((secret) => {
        const stored = found.find((one) => keyOf(one) === keyOf(secret));
        return stored !== undefined && isKeptByOthers(v.parse(Managed, stored), v.parse(Managed, secret));
      })
      .map(keyOf),
  );
  return objects.filter((object) => !theirs.has(keyOf(object)));
}

function isKeptByOthers(stored: Managed, wanted: Managed): boolean {
  const owners = stored.metadata.managedFields.filter(({ fieldsV1 }) => 'f:data' in fieldsV1);
  if (owners.length === 0 || owners.some(({ manager }) => manager === FIELD_MANAGER)) return false;
  return isDeepStrictEqual(decoded(stored), decoded(wanted));
}

const decoded = ({ data }: Managed) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('hex')]),
  );
