/** Whether the installing user may create what is installed. */
import type { Kubectl } from '../kubectl.ts';
import { type KubernetesObject, listOf } from '../objects.ts';
import type { Cluster } from './cluster.ts';
import type { Missing } from './requirements.ts';

const VERBS = ['get', 'create', 'patch'] as const;
const LINE = '{.spec.resourceAttributes.verb} {.spec.resourceAttributes.resource} {.status.allowed}{"\\n"}';

export async function missingRights(
  kubectl: Kubectl,
  cluster: Cluster,
  manifests: readonly KubernetesObject[],
): Promise<Missing[]> {
  const resources = new Map(
    manifests.map(({ apiVersion, kind, metadata }) => {
      const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
      const defined = cluster.kinds.find((one) => one.group === group && one.kind === kind);
      const resource = defined?.plural ?? pluralOf(kind);
      return [
        `${group}/${resource}`,
        { group, resource, ...(metadata.namespace && { namespace: metadata.namespace }) },
      ];
    }),
  );
  const reviews = [...resources.values()].flatMap((attributes) =>
    VERBS.map((verb) => ({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { ...attributes, verb } },
    })),
  );
  const answers = await kubectl.text(['create', '--filename=-', `-o=jsonpath=${LINE}`], listOf(reviews));
  const denied = answers
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith(' true'))
    .map((line) => line.split(' ').slice(0, 2).join(' '));
  if (denied.length === 0) return [];
  return [
    {
      what: `the right to ${denied.join(', ')}`,
      remedy: 'run it as a cluster administrator (--context)',
    },
  ];
}

/** Resources of the API server's own kinds. */
function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  return name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`;
}
