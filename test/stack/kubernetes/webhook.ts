import { randomUUID } from 'node:crypto';
import { until } from '../wait.ts';
import type { KubernetesApi, Manifest } from './api.ts';

export type WebhookTarget = {
  /** Of an admission function that speaks TLS. */
  url: string;
  /** PEM of the authority that its certificate is from. */
  caBundle: string;
};

type Rule = { apiGroups: string[]; apiVersions: string[]; operations: string[]; resources: string[] };
type WebhookOptions = WebhookTarget & { label: string; value: string; rule: Rule };

const webhook = (name: string, { url, caBundle, label, value, rule }: WebhookOptions): Manifest => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name },
  webhooks: [
    {
      name: `${name}.numberly.io`,
      admissionReviewVersions: ['v1'],
      clientConfig: { url, caBundle: Buffer.from(caBundle).toString('base64') },
      objectSelector: { matchLabels: { [label]: value } },
      rules: [rule],
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      reinvocationPolicy: 'Never',
      sideEffects: 'NoneOnDryRun',
      timeoutSeconds: 5,
    },
  ],
});

const createOf = (resource: string): Rule => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: [resource],
});

/**
 * Resolves once the API server acts upon all webhook configurations written so far. It learns of them with a delay, but
 * in the order in which they were written: so a last one is written that refuses a certain config map, and one is
 * created (dry) until it is refused.
 */
const inEffect = async (kubernetes: KubernetesApi, caBundle: string): Promise<void> => {
  const value = randomUUID();
  const label = 'webhook-probe';
  const name = `${label}-${value}`;
  const nowhere = { url: 'https://127.0.0.1:1/', caBundle, label, value, rule: createOf('configmaps') };
  await kubernetes.apply(webhook(name, nowhere));
  const probe = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { [label]: value } } };
  await until('the API server knows the webhook', async () => {
    const path = '/api/v1/namespaces/default/configmaps?dryRun=All';
    return (await kubernetes.ask('POST', path, probe)).status >= 400;
  });
  await kubernetes.call(
    'DELETE',
    `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`,
  );
};

/** Has the API server send the pods with the label to this admission function, from now on. */
export const pointWebhook = async (kubernetes: KubernetesApi, target: WebhookTarget): Promise<void> => {
  const label = 'vault-db-injector';
  const options = { ...target, label, value: 'true', rule: createOf('pods') };
  await kubernetes.apply(webhook('vault-db-injector', options));
  await inEffect(kubernetes, target.caBundle);
};
