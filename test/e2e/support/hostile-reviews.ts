/** Reviews of pods that nobody needs: each is the worst of its kind, of at most what the API server passes on. */
import { randomUUID } from 'node:crypto';

const PREFIX = 'db-creds-injector.numberly.io/';
const MEBIBYTE = 1024 * 1024;
export const LARGEST = 3 * MEBIBYTE;

interface Parts {
  readonly metadata?: object;
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly spec?: object;
}

/** @param account whose pods get no role anywhere, so that whatever comes of it nothing is issued. */
function review({ metadata, annotations = { [`${PREFIX}role`]: 'gule-rw' }, spec }: Parts): string {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'hostile',
      namespace: 'default',
      labels: { 'vault-db-injector': 'true' },
      annotations,
      ...metadata,
    },
    spec: { serviceAccountName: 'default', containers: [{ name: 'app' }], ...spec },
  };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      operation: 'CREATE',
      namespace: 'default',
      object: pod,
    },
  });
}

const many = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));
const record = (count: number, key: (index: number) => string, value: unknown = '') =>
  Object.fromEntries(many(count, (index) => [key(index), value]));
const short = (index: number) => index.toString(36);
const names = (count: number, prefix = 'V') =>
  many(count, (index) => `${prefix}${short(index).toUpperCase()}`).join(',');
const text = (part: string, bytes = LARGEST) =>
  part.repeat(bytes / Buffer.byteLength(JSON.stringify(part).slice(1, -1)) - 1_000 / part.length);
const databases = (count: number, keys: (index: number) => Readonly<Record<string, string>>) =>
  Object.fromEntries(
    many(count, (index) =>
      Object.entries({ role: 'gule-rw', ...keys(index) }).map(([key, value]) => [
        `${PREFIX}d${index}.${key}`,
        value,
      ]),
    ).flat(),
  );
const variables = (count: number, of = 0) => ({
  'env-key-dbuser': names(count / 2, `U${of}_`),
  'env-key-dbpassword': names(count / 2, `P${of}_`),
});

export const HOSTILE: readonly (readonly [string, () => string])[] = [
  ['a role of -eyJ', () => review({ annotations: { [`${PREFIX}role`]: text('-eyJ') } })],
  [
    'a uuid of -eyJ',
    () => review({ annotations: { [`${PREFIX}role`]: 'x y', [`${PREFIX}uuid`]: text('-eyJ') } }),
  ],
  ['an annotation called -eyJ', () => review({ annotations: { [`${PREFIX}${text('-eyJ')}`]: '' } })],
  ['a database called hvs.', () => review({ annotations: { [`${PREFIX}${text('hvs.')}.role`]: '' } })],
  [
    'a container called -eyJ',
    () => review({ spec: { containers: [{ name: text('-eyJ'), env: [{ name: 'DBUSER' }] }] } }),
  ],
  ['a pod called -eyJ', () => review({ metadata: { name: text('-eyJ') } })],
  ['a service account called -eyJ', () => review({ spec: { serviceAccountName: text('-eyJ') } })],
  ['control characters', () => review({ annotations: { [`${PREFIX}role`]: text('\u0001') } })],
  ['halves of characters', () => review({ annotations: { [`${PREFIX}role`]: text('\ud83d') } })],
  [
    'a list of commas',
    () => review({ annotations: { [`${PREFIX}role`]: 'gule-rw', [`${PREFIX}containers`]: text(',') } }),
  ],
  [
    'bad names of 267 KB',
    () =>
      review({
        annotations: databases(32, () => ({
          'env-key-dbuser': text('-,', 4_090),
          'env-key-dbpassword': text('+,', 4_090),
        })),
      }),
  ],
  [
    'bad names, all different',
    () =>
      review({
        annotations: databases(32, (of) => ({
          'env-key-dbuser': names(680, `-${of}`),
          'env-key-dbpassword': names(680, `+${of}`),
        })),
      }),
  ],
  ['60,000 variables', () => review({ annotations: databases(32, (of) => variables(1_000, of)) })],
  ['the same variables in all databases', () => review({ annotations: databases(32, () => variables(500)) })],
  [
    '600 containers and 1,700 variables',
    () =>
      review({
        annotations: databases(4, (of) => variables(480, of)),
        spec: { containers: many(600, (index) => ({ name: `c${index}` })) },
      }),
  ],
  [
    'as many variables and containers as there may be',
    () =>
      review({
        annotations: databases(2, (of) => variables(250, of)),
        spec: { containers: many(10, (index) => ({ name: `c${index}` })) },
      }),
  ],
  [
    'a template of 4 KB for 1,000 variables',
    () =>
      review({
        annotations: databases(4, (of) => ({
          mode: 'uri',
          template: `postgres://${'h'.repeat(4_000)}`,
          'env-key-uri': names(250, `U${of}`),
        })),
        spec: { containers: many(5, (index) => ({ name: `c${index}` })) },
      }),
  ],
  [
    '1,000 unknown names over 10,000 containers',
    () =>
      review({
        annotations: {
          [`${PREFIX}role`]: 'gule-rw',
          [`${PREFIX}containers`]: names(1_000, 'x').toLowerCase().slice(0, 4_090),
        },
        spec: { containers: many(10_000, (index) => ({ name: `c${index}` })) },
      }),
  ],
  [
    '250 unknown names over 12,400 containers',
    () =>
      review({
        annotations: { [`${PREFIX}role`]: 'gule-rw', [`${PREFIX}containers`]: names(250, 'x').toLowerCase() },
        spec: { containers: many(12_400, (index) => ({ name: `c${index}` })) },
      }),
  ],
  ['containers', () => review({ spec: { containers: many(LARGEST / 12, () => ({ name: '' })) } })],
  [
    'as many containers as are read',
    () => review({ spec: { containers: many(8_200, () => ({ name: 'c', env: null })) } }),
  ],
  [
    'variables of a container',
    () => review({ spec: { containers: [{ name: 'app', env: many(LARGEST / 12, () => ({ name: '' })) }] } }),
  ],
  [
    'as many variables of a container as are read',
    () =>
      review({
        spec: {
          containers: [
            { name: 'app', env: many(12_400, (index) => ({ name: index % 2 ? 'DBUSER' : 'DBPASSWORD' })) },
          ],
        },
      }),
  ],
  [
    'variables that are none',
    () => review({ spec: { containers: [{ name: 'app', env: many(LARGEST / 3, () => ({})) }] } }),
  ],
  [
    'variables that are none, as many as are read',
    () => review({ spec: { containers: [{ name: 'app', env: many(12_400, () => ({})) }] } }),
  ],
  [
    'long values of variables',
    () => review({ spec: { containers: [{ name: 'app', env: [{ name: 'X', value: text('x') }] }] } }),
  ],
  [
    'labels',
    () => review({ metadata: { labels: { ...record(LARGEST / 12, short), 'vault-db-injector': 'true' } } }),
  ],
  [
    'as many labels as are read',
    () => review({ metadata: { labels: { ...record(24_900, short), 'vault-db-injector': 'true' } } }),
  ],
  ["somebody else's annotations", () => review({ annotations: record(LARGEST / 12, short) })],
  [
    'as many annotations of ours as are read',
    () => review({ annotations: record(24_900, (index) => `${PREFIX}${short(index)}`) }),
  ],
  [
    'databases',
    () => review({ annotations: record(24_900, (index) => `${PREFIX}${short(index)}.role`, 'x') }),
  ],
  ['annotations that are no texts', () => review({ annotations: record(24_900, short, 1) })],
  [
    'owners',
    () =>
      review({
        metadata: {
          ownerReferences: many(LARGEST / 50, () => ({ kind: 'ReplicaSet', name: 'a', uid: 'b' })),
        },
      }),
  ],
  ['empty objects', () => review({ spec: { volumes: many(LARGEST / 3, () => ({})) } })],
  ['numbers', () => review({ spec: { volumes: many(LARGEST / 2, () => 1) } })],
  [
    'levels',
    () =>
      review({ spec: { x: null } }).replace(
        '"x":null',
        `"x":${'['.repeat(LARGEST / 2)}${']'.repeat(LARGEST / 2)}`,
      ),
  ],
  ['a text of quotes', () => review({ annotations: { x: text('"') } })],
  ['an opened text', () => `{"x":"${'x'.repeat(LARGEST)}`],
];
