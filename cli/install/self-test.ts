/** A pod that is never created: its dry run takes the whole way, from the API server to Vault and back. */
import * as v from 'valibot';
import { userNameOf } from '../../shared/kubernetes/objects.ts';
import { PROJECTED } from '../doctor/cluster-needs.ts';
import { type Kubectl, saidBy } from '../kubectl.ts';
import { accountOf } from '../processes.ts';
import { Refusal } from '../refusal.ts';

export interface SelfTest {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Which Vault may know or not: either answer proves that it was asked. */
  readonly role: string;
}

const Pod = v.object({
  spec: v.object({
    containers: v.tuple([
      v.object({
        env: v.optional(
          v.array(
            v.object({
              name: v.string(),
              value: v.optional(v.string(), ''),
              // Of a Secret, where credentials are delivered in one.
              valueFrom: v.optional(v.object({})),
            }),
          ),
          [],
        ),
      }),
    ]),
  }),
});

/**
 * @returns what the answer was, in a sentence.
 * @throws Refusal where it is none of the two that prove that all is well.
 */
export async function selfTest(kubectl: Kubectl, test: SelfTest): Promise<string> {
  const { role } = test;
  const pod = JSON.stringify(podFor(test));
  const { code, stdout, stderr } = await kubectl.run(
    ['create', '--dry-run=server', '--output=json', '--filename=-'],
    pod,
  );
  const said = saidBy(stderr);
  if (code === 0) {
    const { env } = v.parse(Pod, JSON.parse(stdout)).spec.containers[0];
    if (env.some(({ name, value, valueFrom }) => name === 'DBUSER' && (value !== '' || valueFrom)))
      return `a pod that asks for "${role}" would be given credentials`;
    throw new Refusal(
      'the self-test failed: the pod passed without credentials, so the API server did not ask the function. Is its namespace left out by the webhook?',
    );
  }
  if (said.includes('denied the request') && said.includes(`"${role}"`))
    return `a pod that asks for a role that it may not have ("${role}") is denied, by name`;
  throw new Refusal(`the self-test failed: ${said}\n${hintFor(said)}`);
}

const Answer = v.object({ status: v.object({ allowed: v.boolean() }) });

/**
 * Where Vault is asked as the pods' own service accounts.
 *
 * @throws Refusal where the function may not have a token of such a one.
 */
export async function mustHaveTokens(
  kubectl: Kubectl,
  { namespace }: Pick<SelfTest, 'namespace'>,
): Promise<void> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: userNameOf(accountOf('admission')), resourceAttributes: { ...PROJECTED, namespace } },
  };
  const answer = await kubectl.json(['create', '--filename=-'], JSON.stringify(review));
  if (v.parse(Answer, answer).status.allowed) return;
  throw new Refusal(
    `the self-test failed: useProjectedSA is on, and the admission function may not create serviceaccounts/token in ${namespace}: look at the ClusterRoleBinding vault-db-injector-service-account-tokens`,
  );
}

function hintFor(said: string): string {
  if (/failed calling webhook|failed to call webhook/.test(said)) {
    return 'The API server did not reach the function: look at the ingress, its certificate, and NetworkPolicies between them.';
  }
  if (/denied the request/.test(said)) {
    return "The function was reached and could not ask Vault: look at Vault's roles and policies for it, and at its log.";
  }
  return 'Another admission controller may have refused the pod: try --self-test-namespace.';
}

function podFor({ namespace, serviceAccount, role }: SelfTest): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name: 'vault-db-injector-self-test',
      labels: { 'vault-db-injector': 'true' },
      annotations: { 'db-creds-injector.numberly.io/role': role },
    },
    spec: {
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'self-test',
          image: 'registry.k8s.io/pause:3.10',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}
