/** The cluster that a command works on, named in every error that got no answer from it. */
import { createKubernetesApi, type KubernetesClient, KubernetesError } from '../shared/kubernetes/api.ts';
import type { ClusterOptions } from './command.ts';

export function connectTo({ kubeconfig, context }: ClusterOptions): KubernetesClient {
  const api = createKubernetesApi(kubeconfig, context);
  return {
    ...api,
    async send(request) {
      try {
        return await api.send(request);
      } catch (error) {
        if (!(error instanceof KubernetesError) || error.status !== 0) throw error;
        const address = await api.address().catch(() => undefined);
        throw address === undefined ? error : tried(address, error);
      }
    },
  };
}

const tried = (address: string, error: KubernetesError): KubernetesError =>
  new KubernetesError(error.code, `${error.message}; tried ${address}`, error.status, { cause: error });
