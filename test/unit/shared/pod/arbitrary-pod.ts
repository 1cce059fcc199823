/** Pods of every shape that the API server could show, as fast-check makes them. */
import fc from 'fast-check';
import type { Pod, PodContainer } from '../../../../shared/pod/pod.ts';

const NAMES = ['DBUSER', 'DBPASSWORD', 'URI', 'PATH', 'A.B', '_'];
export const CONTAINERS = ['app', 'worker', 'proxy', 'init', 'migrate', 'debug'];

const name = fc.oneof(fc.constantFrom(...NAMES), fc.stringMatching(/^[A-Z_]{1,3}$/));
const reference = fc.constantFrom(
  { fieldRef: { fieldPath: 'status.hostIP' } },
  { secretKeyRef: { name: 'old', key: 'password', optional: true } },
  { configMapKeyRef: { name: 'settings', key: 'a' } },
);
// Names may stand twice; values may be absent, empty, or refer to others.
const entry = fc.oneof(
  fc.record({ name, value: fc.oneof(fc.string(), fc.constantFrom('$(DBUSER)', '$$(A)', '$')) }),
  fc.record({ name, valueFrom: reference }),
  fc.record({ name }),
);
const env = fc.option(fc.array(entry, { maxLength: 8 }), { nil: undefined });
const extras = fc.record(
  {
    restartPolicy: fc.constant('Always'),
    image: fc.string(),
    envFrom: fc.constant([{ secretRef: { name: 's' } }]),
  },
  { requiredKeys: [] },
);

const containers = (names: readonly string[], least: number) =>
  fc.subarray([...names], { minLength: least }).chain((chosen) =>
    fc.tuple(
      ...chosen.map((container) =>
        fc.tuple(env, extras).map(
          ([variables, more]): PodContainer => ({
            ...more,
            name: container,
            ...(variables !== undefined && { env: variables }),
          }),
        ),
      ),
    ),
  );

const strings = fc.dictionary(fc.stringMatching(/^[a-z./~-]{1,12}$/), fc.string(), { maxKeys: 3 });

export const arbitraryPod: fc.Arbitrary<Pod> = fc
  .record({
    annotations: fc.option(strings, { nil: undefined }),
    labels: fc.option(strings, { nil: null }),
    regular: containers(CONTAINERS.slice(0, 3), 1),
    init: fc.option(containers(CONTAINERS.slice(3), 0), { nil: undefined }),
    nodeName: fc.constantFrom('', 'node-1'),
  })
  .map(({ annotations, labels, regular, init, nodeName }) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'pod',
      generateName: '',
      namespace: 'team',
      labels,
      ...(annotations && { annotations }),
    },
    spec: { serviceAccountName: 'app', nodeName, containers: regular, ...(init && { initContainers: init }) },
  }));
