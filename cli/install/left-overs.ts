/** Objects of an earlier version, of other options or of an uninstallation that are no longer wanted. */
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
// Checked in addition to the wanted kinds: those of an ingress no longer used, and of sender identity that was
// switched off.
const OF_CHOICES = /^(?:serving|networking\.internal|eventing)\.knative\.dev$|^cert-manager\.io$/;

/** Only objects applied by these commands; anything else with the label stays. */
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
 * If sender identity has been switched off: the Broker's EventPolicy, and the one that Knative derived from it for
 * the channel and does not delete. With either, Knative considers Broker or channel not ready.
 */
export async function findIdlePolicies(
  kubectl: Kubectl,
  kinds: readonly DefinedKind[],
  wanted: readonly KubernetesObject[],
): Promise<KubernetesObject[]> {
  if (wanted.some(isEventPolicy) || !kinds.some(isEventPolicy)) return [];
  // None is wanted, so of these kinds alone all of ours are left over.
  const ours = await findLeftOvers(kubectl, kinds.filter(isEventPolicy), []);
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
