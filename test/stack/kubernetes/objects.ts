import { object, parse, string } from 'valibot';
import type { KubernetesApi, Manifest } from './api.ts';

export const exampleApp = { namespace: 'team-infrastructure', serviceAccount: 'vault-pgsql-example' };
const reviewer = { namespace: 'vault', serviceAccount: 'vault' };

export type Account = { namespace: string; serviceAccount: string };

const serviceAccount = (namespace: string, name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
});

/** A namespace with its `default` service account: no controller runs that would add it. */
export const createNamespace = async (
  kubernetes: KubernetesApi,
  name: string,
  serviceAccounts: readonly string[] = [],
): Promise<void> => {
  await kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const account of ['default', ...serviceAccounts]) {
    await kubernetes.apply(serviceAccount(name, account));
  }
};

/** What the example application and Vault need in the cluster. */
export const createObjects = async (kubernetes: KubernetesApi): Promise<void> => {
  await Promise.all([
    ...[exampleApp, reviewer].map((account) =>
      createNamespace(kubernetes, account.namespace, [account.serviceAccount]),
    ),
    kubernetes.apply(serviceAccount('default', 'default')),
    // Lets Vault ask the API server whether a token is good (TokenReview), and nothing else.
    kubernetes.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'vault-token-reviewer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
      subjects: [{ kind: 'ServiceAccount', name: reviewer.serviceAccount, namespace: reviewer.namespace }],
    }),
  ]);
};

const tokenRequest = object({ status: object({ token: string() }) });

/** A token of a service account (TokenRequest), as the kubelet gets them for pods. */
export const requestToken = async (
  kubernetes: KubernetesApi,
  account: Account,
  audiences: readonly string[],
  seconds = 3600,
): Promise<string> => {
  const path = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.serviceAccount}/token`;
  const answer = await kubernetes.call('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences, expirationSeconds: seconds },
  });
  return parse(tokenRequest, answer).status.token;
};

const month = 30 * 24 * 3600;

/** The token with which Vault asks the API server. Vault keeps it as it is: it has to last as long as the stack. */
export const requestReviewerToken = (kubernetes: KubernetesApi): Promise<string> =>
  requestToken(kubernetes, reviewer, [], month);
