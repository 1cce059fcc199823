/** What an earlier version, another choice or an uninstallation has applied, and nobody asks for any more. */
import * as v from 'valibot';
import { policiesOf } from '../broker-delivery.ts';
import type { Kubectl } from '../kubectl.ts';
import { FIELD_MANAGER, type KubernetesObject, keyOf, NAMESPACE, objectsIn, PART_OF } from '../objects.ts';
import type { DefinedKind } from './cluster.ts';

const Managed = v.object({
  metadata: v.object({
    managedFields: v.optional(v.array(v.object({ manager: v.string(), operation: v.string() })), []),
  }),
});
// Beside the kinds that are wanted: those of an ingress that is no longer the one, and of sender identity switched off.
const OF_CHOICES = /^(?:serving|networking\.internal|eventing)\.knative\.dev$|^cert-manager\.io$/;

/** Only what was applied by these commands; whatever else carries the label stays. */
export async function findLeftOvers(
  kubectl: Kubectl,
  kinds: readonly DefinedKind[],
  wanted: readonly KubernetesObject[],
): Promise<KubernetesObject[]> {
  const keys = new Set(wanted.map(keyOf));
  const all = await kubectl.json([
    'get',
    [...resourcesOf(kinds, wanted)].join(','),
    '--all-namespaces',
    `--selector=${PART_OF}`,
    '--show-managed-fields',
  ]);
  const isOurs = (object: KubernetesObject) =>
    v
      .parse(Managed, object)
      .metadata.managedFields.some(
        ({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply',
      );
  return objectsIn(all).filter((object) => !keys.has(keyOf(object)) && isOurs(object));
}

const isEventPolicy = ({ kind }: { readonly kind: string }): boolean => kind === 'EventPolicy';

/**
 * Where sender identity has been switched off: the Broker's EventPolicy and the one that Knative made of it for the channel and
 * does not take away. With either of them Knative takes Broker or channel for not ready.
 */
export async function findIdlePolicies(
  kubectl: Kubectl,
  kinds: readonly DefinedKind[],
  wanted: readonly KubernetesObject[],
): Promise<KubernetesObject[]> {
  if (wanted.some(isEventPolicy) || !kinds.some(isEventPolicy)) return [];
  const ours = (await findLeftOvers(kubectl, kinds, wanted)).filter(isEventPolicy);
  const brokers = wanted.filter(({ kind }) => kind === 'Broker');
  const made = brokers.map(async ({ metadata }) => {
    const where = [`--namespace=${NAMESPACE}`, `--selector=${policiesOf(metadata.name)}`];
    return objectsIn(await kubectl.json(['get', 'eventpolicies.eventing.knative.dev', ...where]));
  });
  return [...ours, ...(await Promise.all(made)).flat()];
}

function resourcesOf(kinds: readonly DefinedKind[], wanted: readonly KubernetesObject[]): Set<string> {
  const resources = wanted.map(({ apiVersion, kind }) => {
    const [group = ''] = apiVersion.split('/');
    const defined = kinds.find((one) => one.group === group && one.kind === kind);
    return defined ? `${defined.plural}.${group}` : kind.toLowerCase();
  });
  const more = kinds.filter(({ group }) => OF_CHOICES.test(group));
  return new Set([...resources, ...more.map(({ group, plural }) => `${plural}.${group}`)]);
}
