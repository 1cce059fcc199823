/** Tokens of pods' service accounts (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/). */
import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { Secret } from '../secret.ts';
import { checked, type KubernetesApi } from './api.ts';

export interface ServiceAccountTokens {
  /** @throws KubernetesError */
  request(namespace: string, serviceAccount: string, deadline: Deadline): Promise<Secret>;
}

const TokenAnswer = v.object({ status: v.object({ token: v.pipe(v.string(), v.nonEmpty()) }) });

export function createServiceAccountTokens(
  api: KubernetesApi,
  { audience, expirationSeconds }: { readonly audience: string; readonly expirationSeconds: number },
): ServiceAccountTokens {
  return {
    async request(namespace, serviceAccount, deadline) {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`;
      const spec = { audiences: [audience], expirationSeconds };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
      const answer = await api.send({ method: 'POST', path, body, deadline });
      return new Secret(checked(TokenAnswer, answer).status.token);
    },
  };
}
