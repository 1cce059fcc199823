/** What Knative's controllers would report of what the stack has no controller for. */
import * as v from 'valibot';
import { stack } from './stack.ts';

const REPORTED = [
  ['serving.knative.dev/v1', 'services', 'admission'],
  ['serving.knative.dev/v1', 'services', 'revocation'],
  ['serving.knative.dev/v1', 'services', 'dead-letters'],
  ['serving.knative.dev/v1', 'services', 'approle'],
  ['sources.knative.dev/v1', 'apiserversources', 'pods'],
  ['sources.knative.dev/v1', 'apiserversources', 'approle'],
  ['eventing.knative.dev/v1', 'brokers', 'approle'],
  ['eventing.knative.dev/v1', 'triggers', 'approle'],
] as const;
const Stored = v.looseObject({
  metadata: v.looseObject({ generation: v.number() }),
  status: v.optional(v.looseObject({})),
});

/** @param status of the condition `Ready`. */
export async function reportReady(status: 'True' | 'False' = 'True'): Promise<void> {
  for (const [group, plural, name] of REPORTED) {
    const path = `/apis/${group}/namespaces/vault-injector/${plural}/${name}`;
    const stored = v.parse(Stored, await stack.kubernetes.call('GET', path));
    const conditions = [{ type: 'Ready', status, ...(status === 'False' && { reason: 'Failed' }) }];
    await stack.kubernetes.call('PUT', `${path}/status`, {
      ...stored,
      status: { ...stored.status, observedGeneration: stored.metadata.generation, conditions },
    });
  }
}
