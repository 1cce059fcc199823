/** Single objects of any kind, and the API server's answers about identities and rights. */
import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import type { Secret } from '../secret.ts';
import { checked, type KubernetesApi, KubernetesError } from './api.ts';
import { createServiceAccountTokens } from './service-account-tokens.ts';

/**
 * @param path absolute path of the API.
 * @returns `undefined` if there is no such object, or the cluster does not know its kind.
 * @throws KubernetesError
 */
export async function readObject<S extends v.GenericSchema>(
  api: KubernetesApi,
  path: string,
  schema: S,
  deadline: Deadline,
): Promise<v.InferOutput<S> | undefined> {
  try {
    return checked(schema, await api.send({ method: 'GET', path, deadline }));
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  }
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

// The shortest lifetime that Kubernetes allows.
const TOKEN_SECONDS = 600;

/** A short-lived token of the service account (TokenRequest), as the kubelet gets it for a pod. */
export async function requestToken(
  api: KubernetesApi,
  { namespace, name }: ServiceAccount,
  audience: string,
  deadline: Deadline,
): Promise<Secret> {
  const tokens = createServiceAccountTokens(api, { audience, expirationSeconds: TOKEN_SECONDS });
  return tokens.request(namespace, name, deadline);
}

/** An action that somebody may or may not do. */
export type Right =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly name?: string;
      /** Absent: all namespaces. */
      readonly namespace?: string;
    }
  | { readonly verb: string; readonly path: string };

const ReviewAnswer = v.object({ status: v.object({ allowed: v.boolean() }) });

/** @param user whose right is asked about; absent: the caller's own, which anyone may ask about. */
export async function mayDo(
  api: KubernetesApi,
  right: Right,
  deadline: Deadline,
  user?: ServiceAccount,
): Promise<boolean> {
  const kind = user ? 'SubjectAccessReview' : 'SelfSubjectAccessReview';
  const attributes = 'path' in right ? { nonResourceAttributes: right } : { resourceAttributes: right };
  const subject = user && {
    user: userNameOf(user),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${user.namespace}`, 'system:authenticated'],
  };
  const answer = await api.send({
    method: 'POST',
    path: `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
    body: { apiVersion: 'authorization.k8s.io/v1', kind, spec: { ...attributes, ...subject } },
    deadline,
  });
  return checked(ReviewAnswer, answer).status.allowed;
}

export const userNameOf = ({ namespace, name }: ServiceAccount): string =>
  `system:serviceaccount:${namespace}:${name}`;

const SelfAnswer = v.object({ status: v.object({ userInfo: v.object({ username: v.string() }) }) });

/** The user name that the API server knows the caller by. */
export async function whoAmI(api: KubernetesApi, deadline: Deadline): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const answer = await api.send({ method: 'POST', path, body, deadline });
  return checked(SelfAnswer, answer).status.userInfo.username;
}
