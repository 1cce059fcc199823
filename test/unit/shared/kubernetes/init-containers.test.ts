import { describe, expect, test } from 'vitest';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createReadRunningPod } from '../../../../shared/kubernetes/init-containers.ts';

async function read(answer: unknown) {
  const paths: string[] = [];
  const readPod = createReadRunningPod({
    send: async ({ path }) => {
      paths.push(path);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  using deadline = deadlineIn(1_000, () => 0);
  const pod = await readPod('shop', 'web-0', deadline);
  expect(paths).toEqual(['/api/v1/namespaces/shop/pods/web-0']);
  return pod;
}

const metadata = { namespace: 'shop', name: 'web-0', uid: 'uid' };
const spec = { serviceAccountName: 'web', initContainers: [{ name: 'install' }, { name: 'migrate' }] };
const statusOf = (state: object, more: object = {}) => ({
  podIP: '10.0.0.7',
  hostIP: '192.0.2.1',
  initContainerStatuses: [{ name: 'install', containerID: 'c1', restartCount: 2, state }],
  ...more,
});

describe('an init container', () => {
  test.each([
    ['running', { running: { startedAt: 'now' } }, {}, {}],
    ['waiting', { waiting: { reason: 'PodInitializing' } }, {}, {}],
    ['ended', { terminated: { exitCode: 0 } }, {}, {}],
    ['waiting', {}, {}, {}],
    // State of a pod that is going or gone.
    ['ended', { running: {} }, { deletionTimestamp: 'now' }, {}],
    ['ended', { running: {} }, {}, { phase: 'Failed' }],
  ])('is %s by %o, %o, %o', async (expected, state, more, ofStatus) => {
    const pod = await read({ metadata: { ...metadata, ...more }, spec, status: statusOf(state, ofStatus) });
    expect(pod?.initContainers.get('install')?.state).toBe(expected);
    expect(pod?.initContainers.has('app')).toBe(false);
  });

  test('has runs that differ by pod, restart and container', async () => {
    const runs = [
      { metadata, status: statusOf({}) },
      { metadata: { ...metadata, uid: 'other' }, status: statusOf({}) },
      {
        metadata,
        status: { initContainerStatuses: [{ name: 'install', containerID: 'c2', restartCount: 2 }] },
      },
      {
        metadata,
        status: { initContainerStatuses: [{ name: 'install', containerID: 'c1', restartCount: 3 }] },
      },
    ];
    const keys = await Promise.all(runs.map((one) => read({ ...one, spec })));
    expect(new Set(keys.map((pod) => pod?.initContainers.get('install')?.run)).size).toBe(4);
  });
});

describe('a pod', () => {
  test('is on its node’s network by its specification, or by its address', async () => {
    const hosts = [
      await read({ metadata, spec, status: statusOf({}) }),
      await read({ metadata, spec: { ...spec, hostNetwork: true }, status: statusOf({}) }),
      await read({ metadata, spec, status: statusOf({}, { podIP: '192.0.2.1' }) }),
    ];
    expect(hosts.map((pod) => pod?.onHostNetwork)).toEqual([false, true, true]);
  });

  test('that no kubelet has heard of has no address', async () => {
    expect(await read({ metadata, spec })).toMatchObject({ address: undefined, onHostNetwork: false });
  });

  test('that is not there is none', async () => {
    const reason = { reason: 'NotFound' };
    expect(await read(new KubernetesError('kubernetes_rejected', 'no', 404, reason))).toBeUndefined();
    // A 404 of what stands before the API server says nothing of the pod.
    const other = new KubernetesError('kubernetes_rejected', 'no', 404);
    await expect(read(other)).rejects.toBe(other);
  });
});
