/** Every fault of a file, and its line. */
import { describe, expect, test } from 'vitest';
import { explain } from '../../../../cli/explain/explain.ts';
import { readManifests } from '../../../../cli/explain/manifests.ts';

const options = {
  injectorLabel: 'vault-db-injector',
  podDefaults: { engine: 'databases', delivery: 'env', podsMayChooseDelivery: false },
  namespace: 'mine',
} as const;
const explained = (text: string) => readManifests(text).pods.map((pod) => explain(pod, options));
const linesOf = (text: string) =>
  explained(text).flatMap(({ problems, warnings }) => [
    ...problems.map(({ line, message }) => `${line} ✗ ${message}`),
    ...warnings.map(({ line, message }) => `${line} ! ${message}`),
  ]);

const pod = (annotations: string, rest = '') => `apiVersion: v1
kind: Pod
metadata:
  name: p
  labels:
    vault-db-injector: "true"
  annotations:
${annotations.replaceAll(/^/gm, '    db-creds-injector.numberly.io/')}
spec:
  initContainers:
    - name: init
  containers:
    - name: app
      env:
        - name: DBUSER
          value: mine
${rest}`;

describe('lines of', () => {
  test.each([
    [
      'a value that is none',
      pod('a.role: rw\na.mode: url'),
      [
        '9 ✗ annotation "db-creds-injector.numberly.io/a.mode" is "url": expected "classic", "uri" or "template"',
      ],
    ],
    [
      'one that is missing: its database',
      pod('a.role: rw\nb.mode: uri\nb.env-key-uri: U\nb.role: rw\ncontainers: init'),
      [
        '11 ✗ annotation "db-creds-injector.numberly.io/b.template" is missing: expected a URI such as "postgres://@host:5432/name"',
      ],
    ],
    [
      'no database: the annotations',
      pod('uuid: x'),
      [
        '7 ✗ no database is asked for: expected an annotation "db-creds-injector.numberly.io/<database>.role"',
        '8 ! annotation "db-creds-injector.numberly.io/uuid" is the injector\'s own: the value given is replaced',
      ],
    ],
    [
      'a variable that two set: the later database',
      pod('a.role: rw\nb.role: rw\nb.env-key-dbpassword: P\na.env-key-dbpassword: Q'),
      [
        '9 ✗ variable DBUSER is set more than once, by a and b: expected different names in "env-key-…" and "template-…"',
        '16 ! container "app" sets DBUSER itself: replaced by the credentials',
      ],
    ],
    [
      'a container that is none',
      pod('role: rw\ncontainers: app,web'),
      [
        '9 ✗ annotation "containers" names "web": expected one of init, app',
        '14 ! container "app" sets DBUSER itself: replaced by the credentials',
      ],
    ],
    [
      'what is not known',
      pod('role: rw\nroll: rw\ncontainers: init'),
      [expect.stringMatching(/^9 ! annotation "\S+\/roll" is not known and ignored/)],
    ],
    [
      'what has no effect',
      pod('a.role: rw\na.env-key-uri: U\ncontainers: init'),
      ['9 ! annotation "a.env-key-uri" has no effect in mode "classic"'],
    ],
  ])('%s', (_, text, expected) => {
    expect(linesOf(text)).toEqual(expected);
  });

  test('a label that is not a string', () => {
    const text = pod('role: rw\ncontainers: init').replace('"true"', 'true');
    expect(linesOf(text)).toEqual(['6 ✗ label "vault-db-injector" must be a string: write "true" in quotes']);
  });

  test('annotations without the label', () => {
    const text = pod('role: rw').replace('"true"', '"false"');
    expect(linesOf(text)).toEqual([
      '8 ! the annotations have no effect without the label vault-db-injector: "true"',
    ]);
    expect(explained(text)[0]?.isOurs).toBe(false);
  });

  test('what is not as a pod has it', () => {
    const text = pod('role: rw').replace('    - name: init', '    - image: init');
    expect(linesOf(text)[0]).toMatch(/^11 ✗ spec\.initContainers\.0\.name is invalid in a pod/);
  });
});

test('metadata that is none, and none at all', () => {
  const spec = 'spec: { containers: [{ name: app }] }\n';
  expect(linesOf(`kind: Pod\nmetadata: a\n${spec}`)).toEqual(['2 ✗ metadata is invalid in a pod']);
  expect(linesOf(`kind: Pod\n${spec}`)).toEqual([]);
  expect(linesOf(`kind: Pod\nmetadata: { labels: null, annotations: null }\n${spec}`)).toEqual([]);
});

describe('the pods in', () => {
  const template = (indent: number) =>
    [
      'metadata:',
      '  labels: { vault-db-injector: "true" }',
      '  annotations:',
      '    db-creds-injector.numberly.io/role: a b',
      'spec:',
      '  serviceAccountName: app',
      '  containers: [{ name: app }]',
    ]
      .map((line) => ' '.repeat(indent) + line)
      .join('\n');
  const owner = (apiVersion: string, kind: string, body: string) =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: o\n  namespace: team\n${body}\n`;
  const inTemplate = `spec:\n  template:\n${template(4)}`;

  test.each([
    ['Deployment', owner('apps/v1', 'Deployment', inTemplate), 11],
    ['StatefulSet', owner('apps/v1', 'StatefulSet', inTemplate), 11],
    ['DaemonSet', owner('apps/v1', 'DaemonSet', inTemplate), 11],
    ['ReplicaSet', owner('apps/v1', 'ReplicaSet', inTemplate), 11],
    ['Job', owner('batch/v1', 'Job', inTemplate), 11],
    [
      'CronJob',
      owner('batch/v1', 'CronJob', `spec:\n  jobTemplate:\n    spec:\n      template:\n${template(8)}`),
      13,
    ],
    ['Service', owner('serving.knative.dev/v1', 'Service', inTemplate), 11],
  ])('a %s', (kind, text, line) => {
    expect(explained(text)).toMatchObject([
      { kind, name: 'o', namespace: 'team', serviceAccount: 'app', isOurs: true, problems: [{ line }] },
    ]);
  });

  test('several documents and a List; what has none is named', () => {
    const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: s }\n';
    const list = `kind: List\nitems:\n  - kind: Pod\n${template(4)}\n  - kind: ConfigMap\n`;
    const { pods, others, faults } = readManifests(`# first\n${service}---\n${list}`);
    expect(pods.map(({ kind, line }) => [kind, line])).toEqual([['Pod', 8]]);
    expect(pods.flatMap((one) => explain(one, options).problems.map(({ line }) => line))).toEqual([12]);
    expect([others, faults]).toEqual([
      [
        { line: 2, message: 'Service s has no pod in it' },
        { line: 16, message: 'ConfigMap has no pod in it' },
      ],
      [],
    ]);
  });

  test('nothing, and what is no YAML', () => {
    expect(readManifests('')).toEqual({ pods: [], others: [], faults: [] });
    expect(readManifests('a: 1\nb: [\n').faults).toEqual([{ line: 3, message: expect.any(String) }]);
  });
});

test('what each container would be given', () => {
  expect(
    explained(
      pod(
        'a.role: rw\nb.role: ro\nb.mode: uri\nb.template: postgres://@h/d\nb.env-key-uri: U,W\ncontainers: app',
      ),
    ),
  ).toMatchObject([
    {
      name: 'p',
      namespace: 'mine',
      serviceAccount: 'default',
      requests: [
        { database: 'a', mount: 'databases', role: 'rw' },
        { database: 'b', mount: 'databases', role: 'ro' },
      ],
      containers: [
        { name: 'init', variables: [] },
        { name: 'app', variables: ['DBUSER', 'DBPASSWORD', 'U', 'W'] },
      ],
      problems: [],
    },
  ]);
});

test('in which order, with what its own variables refer to, and which files', () => {
  const text = pod('a.role: rw\na.mode: classic\na.file-x: /app/db/x.json').replace(
    'value: mine',
    'value: mine\n        - {name: HOST, value: h}\n        - {name: URL, value: "pg://$(DBPASSWORD)@$(HOST)"}',
  );
  const [found] = explained(text);
  expect(found?.containers.at(-1)).toMatchObject({
    order: [
      { name: 'DBUSER', isOurs: true },
      { name: 'DBPASSWORD', isOurs: true },
      { name: 'URL', isOurs: false },
    ],
    files: ['/app/db/x.json'],
  });
});

describe('what stands elsewhere in the file', () => {
  test('an alias without its anchor is a fault, with its line', () => {
    const { pods, faults } = readManifests(
      `${pod('a.role: rw')}  volumes: *nowhere\n---\n${pod('a.role: rw')}`,
    );
    expect(pods).toHaveLength(1);
    expect(faults).toEqual([{ line: 17, message: '*nowhere: there is no anchor &nowhere before it' }]);
  });

  test('so are aliases that would grow without end', () => {
    const grown = Array.from({ length: 9 }, (_, n) => `x${n + 1}: &x${n + 1} [${`*x${n},`.repeat(9)}]`);
    const text = `kind: Pod\nmetadata: {name: p}\nspec:\n  x0: &x0 [a]\n${grown.join('\n').replaceAll(/^/gm, '  ')}`;
    expect(readManifests(text).faults).toEqual([
      { line: 1, message: expect.stringContaining('alias count') },
    ]);
  });

  test('is merged: the annotations of another pod', () => {
    const text = `apiVersion: v1
kind: List
items:
  - kind: Pod
    metadata: {name: one, labels: {vault-db-injector: "true"}, annotations: &common {db-creds-injector.numberly.io/a.role: rw}}
    spec: {containers: [{name: app}]}
  - kind: Pod
    metadata:
      name: two
      labels: {vault-db-injector: "true"}
      annotations:
        <<: *common
        db-creds-injector.numberly.io/a.mode: url
    spec: {containers: [{name: app}]}
`;
    expect(linesOf(text)).toEqual([
      '13 ✗ annotation "db-creds-injector.numberly.io/a.mode" is "url": expected "classic", "uri" or "template"',
    ]);
  });
});

test.each([
  ['one container', ['image: app'], ['user-container']],
  ['several', ['image: app', 'name: proxy'], ['user-container-0', 'proxy']],
])('a Knative Service whose containers have no name, %s: Knative gives them one', (_, containers, names) => {
  const service = `apiVersion: serving.knative.dev/v1
kind: Service
metadata: { name: s }
spec:
  template:
    metadata:
      labels: { vault-db-injector: "true" }
      annotations: { db-creds-injector.numberly.io/role: rw }
    spec:
      containers: [${containers.map((one) => `{ ${one} }`).join(', ')}]
`;
  const [found] = explained(service);
  expect(found?.problems).toEqual([]);
  expect(found?.containers.map(({ name }) => name)).toEqual(names);
});
