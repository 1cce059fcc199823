import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';

const Namespace = v.object({ metadata: v.object({ uid: v.pipe(v.string(), v.nonEmpty()) }) });

/** What tells one cluster from another: the uid of its `kube-system` namespace, which lives as long as the cluster. */
export async function readClusterUid(api: KubernetesApi, deadline: Deadline): Promise<string> {
  const parsed = v.safeParse(
    Namespace,
    await api.send({ method: 'GET', path: '/api/v1/namespaces/kube-system', deadline }),
  );
  if (parsed.success) return parsed.output.metadata.uid;
  throw new KubernetesError(
    'kubernetes_unavailable',
    "the API server's answer is not what its API promises",
    200,
  );
}
