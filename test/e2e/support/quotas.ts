/** A namespace that may have no objects of a kind. There is no controller manager here that would count them. */
import { expect } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { exampleAccount, stack } from './stack.ts';

/** @param probe what the API server answers once it obeys the quota. */
export async function createNamespaceWithout(
  namespace: string,
  what: string,
  probe: () => Promise<string | undefined>,
): Promise<void> {
  await createNamespace(stack.kubernetes, namespace, [exampleAccount]);
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'none', namespace },
    spec: { hard: { [what]: '0' } },
  };
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  await stack.kubernetes.call('POST', path, quota);
  // Acts for the controller, which does not run here.
  const status = { hard: { [what]: '0' }, used: { [what]: '0' } };
  await stack.kubernetes.call('PUT', `${path}/none/status`, { ...quota, status });
  await expect.poll(probe, { timeout: 10_000 }).toContain('exceeded quota');
}
