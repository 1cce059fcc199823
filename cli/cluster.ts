/** The cluster that a command works on, named in every error that got no answer from it. */
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { createKubernetesApi, type KubernetesClient, KubernetesError } from '../shared/kubernetes/api.ts';
import type { ClusterOptions } from './command.ts';
import { Refusal } from './refusal.ts';

/**
 * kubectl and its libraries would go on with localhost:8080.
 *
 * @throws Refusal if the kubeconfig that is named does not exist.
 */
export function kubeconfigMustExist({ kubeconfig }: ClusterOptions, environment: NodeJS.ProcessEnv): void {
  const named = kubeconfig ?? environment['KUBECONFIG'];
  if (named === undefined || named === '') return;
  const files = kubeconfig === undefined ? named.split(delimiter) : [kubeconfig];
  if (!files.some((file) => existsSync(file))) throw new Refusal(`the kubeconfig ${named} does not exist`);
}

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
