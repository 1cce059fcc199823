import { describe, expect, test } from 'vitest';
import { changedPodIn } from '../../../../shared/events/changed-pod.ts';

const event = (type: string, data: unknown) => ({ id: '1', source: 'https://api-server', type, data });
const pod = { namespace: 'shop', name: 'web-0' };

test.each([
  ['dev.knative.apiserver.resource.add', { kind: 'Pod', metadata: { ...pod, uid: 'x' } }],
  ['dev.knative.apiserver.resource.update', { kind: 'Pod', metadata: pod, spec: {} }],
  ['dev.knative.apiserver.ref.add', { kind: 'Pod', apiVersion: 'v1', ...pod }],
  ['dev.knative.apiserver.ref.update', { kind: 'Pod', apiVersion: 'v1', ...pod }],
])('%s', (type, data) => {
  expect(changedPodIn(event(type, data))).toEqual(pod);
});

test.each([
  ['dev.knative.apiserver.resource.delete', { kind: 'Pod', metadata: pod }],
  ['dev.knative.apiserver.ref.delete', { kind: 'Pod', ...pod }],
  ['dev.knative.apiserver.ref.update', { kind: 'Service', ...pod }],
  ['com.example.dev.knative.apiserver.ref.update', { kind: 'Pod', ...pod }],
])('%s of %o is none of our business', (type, data) => {
  expect(changedPodIn(event(type, data))).toBeUndefined();
});

describe('what names no pod', () => {
  test.each([
    undefined,
    'text',
    {},
    { kind: 'Pod' },
    { kind: 'Pod', metadata: { name: 'web-0' } },
    { kind: 'Pod', metadata: { namespace: '../kube-system', name: 'web-0' } },
    { kind: 'Pod', namespace: 'shop', name: 'web/../../secrets' },
  ])('%o', (data) => {
    expect(() => changedPodIn(event('dev.knative.apiserver.ref.update', data))).toThrow(
      expect.objectContaining({ code: 'request_invalid' }),
    );
  });
});
