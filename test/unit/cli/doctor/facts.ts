/** What doctor looks at, from a few objects; nothing else is there, and what nobody expected to be asked throws. */
import type { Facts } from '../../../../cli/doctor/facts.ts';
import { parseConfig } from '../../../../shared/config.ts';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';

const file = `
vaultAddress: https://vault.example.com
vaultAuthPath: kubernetes
vaultSecretName: vault-injector
vaultSecretPrefix: cluster
kubeRole: any
allowUnauthenticatedAdmission: true
`;

/** @param objects by their path in the API. */
export function factsOf(objects: Readonly<Record<string, object>>, now = Date.now()): Facts {
  const deadline = () => deadlineIn(5_000, monotonicClock);
  const unexpected = async () => {
    throw new Error('nobody expected this to be asked');
  };
  return {
    api: {
      prepare: async () => {},
      address: async () => 'https://127.0.0.1:6443',
      namespace: unexpected,
      async send({ method, path }) {
        if (method !== 'GET') return unexpected();
        const found = objects[path];
        if (found) return found;
        throw new KubernetesError('kubernetes_rejected', 'not found', 404, { reason: 'NotFound' });
      },
    },
    now: () => now,
    operatorToken: undefined,
    installation: unexpected,
    config: async () => parseConfig({ file, environment: {}, process: 'admission' }),
    vault: unexpected,
    grants: unexpected,
    withKnative: unexpected,
    deadline,
    work: () => ({ deadline: deadline(), vaultCalls: 0 }),
    close: unexpected,
  };
}
