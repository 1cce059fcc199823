import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { until } from '../wait.ts';
import type { KubernetesApi, Manifest } from './api.ts';

/** Where the API server finds an admission function, and the authority that its certificate is from (base64 of PEM). */
export type ClientConfig = {
  url?: string;
  service?: { namespace: string; name: string; port: number; path: string };
  caBundle: string;
};

export const caBundleOf = (certificate: string): string => Buffer.from(certificate).toString('base64');

const probe = (name: string, label: string, value: string): Manifest => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name },
  webhooks: [
    {
      name: `${label}.stack.test`,
      admissionReviewVersions: ['v1'],
      clientConfig: { url: 'https://127.0.0.1:1/' },
      objectSelector: { matchLabels: { [label]: value } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      failurePolicy: 'Fail',
      sideEffects: 'None',
    },
  ],
});

/**
 * Resolves once the API server acts upon all webhook configurations written so far. It learns of them with a delay, but
 * in the order in which they were written: so a last one is written that refuses a certain config map, and one is
 * created (dry) until it is refused.
 */
const inEffect = async (kubernetes: KubernetesApi): Promise<void> => {
  const value = randomUUID();
  const label = 'webhook-probe';
  const name = `${label}-${value}`;
  await kubernetes.apply(probe(name, label, value));
  const refused = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { [label]: value } } };
  await until('the API server knows the webhook', async () => {
    const path = '/api/v1/namespaces/default/configmaps?dryRun=All';
    return (await kubernetes.ask('POST', path, refused)).status >= 400;
  });
  await kubernetes.call(
    'DELETE',
    `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`,
  );
};

const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const stored = v.looseObject({ webhooks: v.tuple([v.looseObject({ clientConfig: v.unknown() })]) });

/** Has the API server ask there from now on, whatever the manifest says. */
export const pointWebhook = async (kubernetes: KubernetesApi, clientConfig: ClientConfig): Promise<void> => {
  const path = `${configurations}/vault-db-injector`;
  const found = v.parse(stored, await kubernetes.call('GET', path));
  const [webhook] = found.webhooks;
  await kubernetes.call('PUT', path, { ...found, webhooks: [{ ...webhook, clientConfig }] });
  await inEffect(kubernetes);
};
