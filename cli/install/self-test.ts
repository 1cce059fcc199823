/** Tests the whole path, from the API server to Vault and back, with a dry run of a pod that is never created. */
import * as v from 'valibot';
import { type Kubectl, saidBy } from '../kubectl.ts';
import { Refusal } from '../refusal.ts';

export interface SelfTest {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Vault may or may not have this role: either answer proves that it was asked. */
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
              // Name of the Secret, if credentials are delivered in one.
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
 * @returns the answer, in a sentence.
 * @throws Refusal unless the answer is one of the two that prove that all is well.
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
      return `a pod that requests "${role}" would get credentials`;
    throw new Refusal(
      'the self-test failed: the pod was admitted without credentials, so the API server did not call the function. Does the webhook skip its namespace?',
    );
  }
  if (said.includes('denied the request') && said.includes(`"${role}"`))
    return `a pod that requests a role that it may not have ("${role}") is denied by name`;
  throw new Refusal(`the self-test failed: ${said}\n${hintFor(said)}`);
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
