/** Namespaces that the webhook skips (its namespaceSelector). */
import * as v from 'valibot';
import type { Deadline } from '../../shared/deadline.ts';
import { type KubernetesApi, KubernetesError } from '../../shared/kubernetes/api.ts';
import { readObject } from '../../shared/kubernetes/objects.ts';
import { WEBHOOK } from '../objects.ts';

const Selector = v.object({
  matchLabels: v.optional(v.record(v.string(), v.string()), {}),
  matchExpressions: v.optional(
    v.array(
      v.object({
        key: v.string(),
        operator: v.picklist(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: v.optional(v.array(v.string()), []),
      }),
    ),
    [],
  ),
});
type Selector = v.InferOutput<typeof Selector>;
const Webhook = v.object({
  webhooks: v.tuple([v.object({ namespaceSelector: v.optional(Selector, {}) })]),
});
const Namespace = v.object({
  metadata: v.object({ labels: v.optional(v.record(v.string(), v.string()), {}) }),
});

/** @returns whether the namespace is skipped; `false` if unknown. */
export async function isLeftOut(namespace: string, api: KubernetesApi, deadline: Deadline): Promise<boolean> {
  const webhookPath = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${WEBHOOK}`;
  try {
    const [webhook, found] = await Promise.all([
      readObject(api, webhookPath, Webhook, deadline),
      readObject(api, `/api/v1/namespaces/${encodeURIComponent(namespace)}`, Namespace, deadline),
    ]);
    const selector = webhook?.webhooks[0].namespaceSelector;
    // The label that every namespace has, even one that is yet to be created.
    const labels = { 'kubernetes.io/metadata.name': namespace, ...found?.metadata.labels };
    return selector !== undefined && !selects(selector, labels);
  } catch (error) {
    if (error instanceof KubernetesError) return false;
    throw error;
  }
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: Partial<Selector>,
  labels: Readonly<Record<string, string>>,
): boolean {
  const byLabels = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    byLabels &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isAmong = value !== undefined && values.includes(value);
      return operator === 'In' ? isAmong : !isAmong;
    })
  );
}
