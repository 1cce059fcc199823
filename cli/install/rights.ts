/** Whether the installing user may create what is installed. */
import pLimit from 'p-limit';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { KubernetesApi } from '../../shared/kubernetes/api.ts';
import { mayDo } from '../../shared/kubernetes/objects.ts';
import type { KubernetesObject } from '../objects.ts';
import type { Cluster } from './cluster.ts';
import type { Missing } from './requirements.ts';

const VERBS = ['get', 'create', 'patch'] as const;
const AT_ONCE = 16;
const ANSWER_WITHIN_MS = 60_000;

export async function missingRights(
  api: KubernetesApi,
  cluster: Cluster,
  manifests: readonly KubernetesObject[],
): Promise<Missing[]> {
  const resources = new Map(
    manifests.map(({ apiVersion, kind, metadata }) => {
      const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
      const defined = cluster.kinds.find((one) => one.group === group && one.kind === kind);
      const resource = defined?.plural ?? pluralOf(kind);
      const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
      return [`${group}/${resource}`, { group, resource, ...place }];
    }),
  );
  const rights = [...resources.values()].flatMap((resource) => VERBS.map((verb) => ({ ...resource, verb })));
  const ask = async (right: (typeof rights)[number]) => {
    using deadline = deadlineIn(ANSWER_WITHIN_MS, monotonicClock);
    return (await mayDo(api, right, deadline)) ? [] : [`${right.verb} ${right.resource}`];
  };
  const denied = (await pLimit(AT_ONCE).map(rights, ask)).flat();
  if (denied.length === 0) return [];
  const remedy = 'run it as a cluster administrator (--context)';
  return [{ what: `the right to ${denied.join(', ')}`, remedy }];
}

/** Resources of the API server's own kinds. */
function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  return name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`;
}
