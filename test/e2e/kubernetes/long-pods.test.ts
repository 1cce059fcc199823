/** Pods whose annotations are as long as Kubernetes lets them be: all are listed, and none of their length is kept. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { createKubernetesApi } from '../../../shared/kubernetes/api.ts';
import { createPods } from '../../../shared/kubernetes/pods.ts';
import { stack } from '../support/stack.ts';

const NAMESPACE = 'long-annotations';
// Together more than one answer may be: 16 MiB.
const PODS = 80;
const LONGEST = 255 * 1024;

const api = createKubernetesApi(stack.description.kubernetes.kubeconfig);
const deadline = deadlineIn(60_000, monotonicClock);
const post = (path: string, body: object) => api.send({ method: 'POST', path, body, deadline });

beforeAll(async () => {
  const metadata = { name: NAMESPACE };
  await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await post(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, account);
  const pods = Array.from({ length: PODS }, (_, number) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `long-${number}`, annotations: { long: 'x'.repeat(LONGEST) } },
    spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }] },
  }));
  for (const pod of pods) await post(`/api/v1/namespaces/${NAMESPACE}/pods`, pod);
});
afterAll(async () => {
  const path = `/api/v1/namespaces/${NAMESPACE}`;
  // One by one: what is deleted together is answered together, and that is longer than an answer may be.
  for (let number = 0; number < PODS; number += 1)
    await api.send({ method: 'DELETE', path: `${path}/pods/long-${number}?gracePeriodSeconds=0`, deadline });
  await api.send({ method: 'DELETE', path, deadline });
  deadline[Symbol.dispose]();
});

test('all of them are listed', async () => {
  const listed = await createPods(api).listNamespace(NAMESPACE, deadline);
  expect(listed).toHaveLength(PODS);
  expect(JSON.stringify(listed).length).toBeLessThan(PODS * 200);
});
