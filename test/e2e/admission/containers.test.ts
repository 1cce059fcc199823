/** Which containers get the variables, and what becomes of those that they had. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { container, createPod, environmentOf, podWith, readPod } from '../support/pods.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

const names = (pod: Parameters<typeof environmentOf>[0], name: string) =>
  Object.keys(environmentOf(pod, name));

describe('all containers of a pod', () => {
  test('init containers and native sidecars get the same credentials as the others', async () => {
    const pod = await createPod(
      podWith(
        { role: 'gule-rw' },
        {
          initContainers: [
            container('migrate'),
            { ...container('proxy', [{ name: 'MODE', value: 'sidecar' }]), restartPolicy: 'Always' },
          ],
          containers: [container('app'), container('worker')],
        },
      ),
    );
    const credentials = environmentOf(pod, 'app');
    expect(Object.keys(credentials)).toEqual(['DBUSER', 'DBPASSWORD']);
    expect(environmentOf(pod, 'worker')).toEqual(credentials);
    expect(environmentOf(pod, 'migrate')).toEqual(credentials);
    expect(environmentOf(pod, 'proxy')).toEqual({ MODE: 'sidecar', ...credentials });
  });

  test('thirty of them, one without any variable, one with variables of its own', async () => {
    const containers = Array.from({ length: 30 }, (_, index) =>
      container(`app-${index}`, index % 2 ? [{ name: 'INDEX', value: String(index) }] : undefined),
    );
    const pod = await createPod(podWith({ role: 'gule-rw' }, { containers }));
    const passwords = containers.map(({ name }) => environmentOf(pod, name)['DBPASSWORD']);
    expect(new Set(passwords).size).toBe(1);
    expect(passwords[0]).toBeTruthy();
    expect(names(pod, 'app-0')).toEqual(['DBUSER', 'DBPASSWORD']);
    expect(names(pod, 'app-29')).toEqual(['INDEX', 'DBUSER', 'DBPASSWORD']);
  });
});

describe('some containers of a pod', () => {
  test('only those that the annotation names', async () => {
    const pod = await createPod(
      podWith(
        { role: 'gule-rw', containers: 'app, migrate' },
        {
          initContainers: [container('migrate'), container('fetch')],
          containers: [container('app'), container('worker', [{ name: 'DBUSER', value: 'mine' }])],
        },
      ),
    );
    expect(names(pod, 'app')).toEqual(['DBUSER', 'DBPASSWORD']);
    expect(names(pod, 'migrate')).toEqual(['DBUSER', 'DBPASSWORD']);
    expect(names(pod, 'fetch')).toEqual([]);
    expect(environmentOf(pod, 'worker')).toEqual({ DBUSER: 'mine' });
    expect(pod.warnings).toEqual([]);
  });
});

describe('variables that a container has already', () => {
  test('are replaced where they stand, and the one who creates the pod is warned', async () => {
    const env = [
      { name: 'FIRST', value: '1' },
      { name: 'DBPASSWORD', valueFrom: { secretKeyRef: { name: 'old', key: 'password' } } },
      { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      { name: 'DBUSER', value: 'old-user' },
      { name: 'LAST', value: '$(DBUSER)' },
    ];
    const pod = await createPod(podWith({ role: 'gule-rw' }, { containers: [container('app', env)] }));
    const stored = pod.spec.containers[0]?.env ?? [];
    expect(stored.map(({ name }) => name)).toEqual(['FIRST', 'DBPASSWORD', 'HOST_IP', 'DBUSER', 'LAST']);
    expect(stored[1]?.valueFrom).toBeUndefined();
    expect(stored[1]?.value).toMatch(/^\S{10,}$/);
    expect(stored[2]?.valueFrom).toEqual({ fieldRef: { apiVersion: 'v1', fieldPath: 'status.hostIP' } });
    expect(stored[3]?.value).toMatch(/^gule-rw-/);
    expect(pod.warnings).toEqual([
      'container "app" sets DBUSER, DBPASSWORD itself: replaced by the credentials',
    ]);
  });
});

describe('an ephemeral container', () => {
  const RawPod = v.looseObject({ spec: v.looseObject({}) });

  test('can be added to the running pod later, and is not touched', async () => {
    const { metadata } = await createPod(podWith({ role: 'gule-rw' }));
    const path = `/api/v1/namespaces/${exampleNamespace}/pods/${metadata.name}`;
    const raw = v.parse(RawPod, await stack.kubernetes.call('GET', path));
    const debug = { ...container('debug'), targetContainerName: 'app' };
    await stack.kubernetes.call('PUT', `${path}/ephemeralcontainers`, {
      ...raw,
      spec: { ...raw.spec, ephemeralContainers: [debug] },
    });
    const pod = await readPod(metadata.name);
    expect(pod.spec.ephemeralContainers.map(({ name, env }) => ({ name, env }))).toEqual([
      { name: 'debug', env: [] },
    ]);
    expect(pod.metadata.annotations).toEqual(metadata.annotations);
  });
});
