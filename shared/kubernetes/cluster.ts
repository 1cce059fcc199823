import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { checked, type KubernetesApi } from './api.ts';

const Namespace = v.object({ metadata: v.object({ uid: v.pipe(v.string(), v.nonEmpty()) }) });

/** The cluster's identity: the uid of its `kube-system` namespace, which lives as long as the cluster. */
export async function readClusterUid(api: KubernetesApi, deadline: Deadline): Promise<string> {
  const path = '/api/v1/namespaces/kube-system';
  return checked(Namespace, await api.send({ method: 'GET', path, deadline })).metadata.uid;
}

/**
 * The cluster's name in its records: the configured one, or else its uid.
 *
 * @returns `undefined` if it has no name and cannot be asked for its uid.
 */
export async function clusterIdIfKnown(
  configured: string | undefined,
  api: KubernetesApi,
  deadline: Deadline,
): Promise<string | undefined> {
  return configured ?? (await readClusterUid(api, deadline).catch(() => undefined));
}
