import jsonPatch from 'fast-json-patch';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_PREFIX, parseAnnotations } from '../../../../shared/annotations.ts';
import { additionsFor, patchPod, textsFor } from '../../../../shared/pod/patch.ts';
import type { Pod, PodContainer } from '../../../../shared/pod/pod.ts';
import { problemsOf, warningsOf } from '../../../../shared/pod/remarks.ts';
import { leaseFacts } from './lease-facts.ts';

const defaults = { engine: 'databases', delivery: 'env', podsMayChooseDelivery: false } as const;
function parse(annotations: Readonly<Record<string, string>>) {
  const all = { 'orders.role': 'rw', ...annotations };
  const prefixed = Object.entries(all).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]);
  return parseAnnotations(Object.fromEntries(prefixed), defaults);
}
const podOf = (container: Partial<PodContainer> = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', generateName: '', namespace: '' },
  spec: { serviceAccountName: '', nodeName: '', containers: [{ name: 'app', ...container }], ...spec },
});
const about = (key: string) => `annotation "${ANNOTATION_PREFIX}orders.${key}"`;

/** The pod as it is created, and the files' contents. */
function given(annotations: Readonly<Record<string, string>>, pod = podOf(), password = `a'b"c\\d:e`) {
  const parsed = parse(annotations);
  expect(problemsOf(parsed, pod)).toEqual([]);
  const texts = parsed.requests.map((request) => ({
    request,
    ...textsFor(request, leaseFacts({ password })),
  }));
  const { operations } = patchPod(pod, additionsFor(texts, 'db-creds-1', 'u'), parsed.containers);
  const { spec } = jsonPatch.applyPatch(structuredClone(pod), structuredClone(operations), true).newDocument;
  return { spec, contents: texts.flatMap(({ files }) => [...files.values()]) };
}

describe('a file', () => {
  test("in Vault's own shape, at the path of the pod's choice, and no variable", () => {
    const { spec, contents } = given({ 'orders.file-app': '/etc/app/creds.json' });
    expect(spec.volumes).toEqual([
      {
        name: 'db-creds-1',
        secret: {
          secretName: 'db-creds-1',
          defaultMode: 0o444,
          items: [{ key: '0.orders.app', path: 'creds.json' }],
        },
      },
    ]);
    expect(spec.containers).toEqual([
      { name: 'app', env: [], volumeMounts: [{ name: 'db-creds-1', mountPath: '/etc/app', readOnly: true }] },
    ]);
    expect(JSON.parse(contents[0] ?? '')).toEqual({
      lease_id: 'databases/creds/rw/abc',
      renewable: true,
      lease_duration: 3600,
      data: { username: 'user', password: `a'b"c\\d:e` },
    });
  });

  test.each([
    ['/app/db/.pgpass', `${String.raw`*:*:*:user:a'b"c\\d\:e`}\n`],
    ['/app/db/pg_service.conf', `[orders]\nuser=user\npassword=a'b"c\\d:e\n`],
    ['/app/db/my.cnf', `[client]\nuser="user"\n${String.raw`password="a'b\"c\\d:e"`}\n`],
    ['/app/db/x.env', `DBUSER='user'\n${String.raw`DBPASSWORD='a'\''b"c\d:e'`}\n`],
    ['/app/db/x.properties', `username=user\n${String.raw`password=a'b"c\\d\:e`}\n`],
    ['/app/db/x.json', `{"username": "user", "password": ${JSON.stringify(`a'b"c\\d:e`)}}\n`],
  ])('%s has the format of its name', (path, content) => {
    expect(given({ 'orders.file-a': path }).contents).toEqual([content]);
  });

  test('has a text of its own', () => {
    const annotations = {
      'orders.file-a': '/app/db/database.yml',
      'orders.content-a': 'user: {{user|json}}\n',
    };
    expect(given(annotations).contents).toEqual(['user: "user"']);
  });

  test("is beside variables, if they are asked for, and the group's with fsGroup", () => {
    const pod = podOf({}, { securityContext: { fsGroup: 1_000 } });
    const annotations = { 'orders.file-a': '/app/db/x.json', 'orders.mode': 'classic' };
    const { spec } = given(annotations, pod);
    expect(spec.containers[0]?.env?.map(({ name }) => name)).toEqual(['DBUSER', 'DBPASSWORD']);
    expect(spec.volumes).toMatchObject([{ secret: { defaultMode: 0o440 } }]);
  });

  test('and others in folders below it are of one volume', () => {
    const annotations = {
      'orders.file-a': '/app/db/a.json',
      'orders.file-b': '/app/db/more/b.json',
      'orders.file-c': '/app/c/c.json',
    };
    const { spec } = given(annotations);
    expect(spec.containers[0]?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([
      '/app/db',
      '/app/c',
    ]);
    expect(spec.volumes).toMatchObject([
      { secret: { items: [{ path: 'a.json' }, { path: 'more/b.json' }] } },
      { secret: { items: [{ path: 'c.json' }] } },
    ]);
  });

  test("keeps the pod's own volumes, and takes another name than theirs", () => {
    const pod = podOf(
      { volumeMounts: [{ name: 'db-creds-1', mountPath: '/data' }] },
      { volumes: [{ name: 'db-creds-1', emptyDir: {} }] },
    );
    const { spec } = given({ 'orders.file-a': '/app/db/a.json' }, pod);
    expect(spec.volumes?.map(({ name }) => name)).toEqual(['db-creds-1', 'db-creds-1-0']);
    expect(spec.containers[0]?.volumeMounts?.map(({ name }) => name)).toEqual(['db-creds-1', 'db-creds-1-0']);
  });

  test(".pgpass is its owner's alone, as psql wants it", () => {
    const { spec } = given({ 'orders.file-a': '/app/db/.pgpass' });
    expect(spec.volumes).toMatchObject([{ secret: { items: [{ path: '.pgpass', mode: 0o400 }] } }]);
  });
});

describe('files that are refused', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'a relative path',
      { 'orders.file-a': 'creds.json' },
      `${about('file-a')} is "creds.json": expected the absolute path`,
    ],
    ['a path with ..', { 'orders.file-a': '/app/../etc/x.json' }, 'expected the absolute path'],
    ['a path with a colon', { 'orders.file-a': '/app/a:b/x.json' }, 'expected the absolute path'],
    [
      'a name that Kubernetes keeps for itself',
      { 'orders.file-a': '/app/db/..x.json' },
      'expected the absolute path',
    ],
    [
      'a name of too many bytes',
      { 'orders.file-a': `/app/db/${'é'.repeat(126)}.json` },
      'expected the absolute path',
    ],
    [
      'certificates of the system',
      { 'orders.file-a': '/etc/ssl/db/x.json' },
      'expected a directory of its own',
    ],
    ['a file in the root', { 'orders.file-a': '/x.json' }, 'expected the absolute path'],
    ["a directory of the system's", { 'orders.file-a': '/etc/x.json' }, 'expected a directory of its own'],
    ['a folder of /proc', { 'orders.file-a': '/proc/1/x.json' }, 'expected a directory of its own'],
    [
      "the service account's token",
      { 'orders.file-a': '/var/run/secrets/kubernetes.io/serviceaccount/x.json' },
      'expected a directory of its own',
    ],
    [
      'an unknown format',
      { 'orders.file-a': '/app/db/x', 'orders.format-a': 'xml' },
      `${about('format-a')} is "xml": expected one of vault, json, pgpass`,
    ],
    [
      'a name that tells none',
      { 'orders.file-a': '/app/db/x' },
      `${about('format-a')} is missing: expected one of`,
    ],
    [
      'a format and a text',
      { 'orders.file-a': '/app/db/x.json', 'orders.format-a': 'json', 'orders.content-a': '{{user}}' },
      'expected none beside',
    ],
    ['a format without a file', { 'orders.format-a': 'json' }, `${about('file-a')} is missing`],
    [
      'a text without placeholders',
      { 'orders.file-a': '/app/db/x', 'orders.content-a': 'x' },
      'expected a text with {{user}} and {{password}} in it',
    ],
    [
      'two at one path',
      { 'orders.file-a': '/app/db/x.json', 'orders.file-b': '/app/db/x.json' },
      'file "/app/db/x.json" cannot be beside "/app/db/x.json"',
    ],
    [
      'one in the other',
      { 'orders.file-a': '/app/db/x.json', 'orders.file-b': '/app/db/x.json/y.json' },
      'file "/app/db/x.json" cannot be beside "/app/db/x.json/y.json"',
    ],
  ])('%s', (_, annotations, sentence) => {
    expect(parse(annotations).problems).toEqual([expect.stringContaining(sentence)]);
  });

  test.each<[string, Partial<PodContainer>, Partial<Pod['spec']>]>([
    ['at the same directory', { volumeMounts: [{ name: 'conf', mountPath: '/app/db/' }] }, {}],
    ['below it', { volumeMounts: [{ name: 'conf', mountPath: '/app/db/certs' }] }, {}],
    [
      'above it, where nothing can be mounted',
      { volumeMounts: [{ name: 'conf', mountPath: '/app' }] },
      { volumes: [{ name: 'conf', configMap: {} }] },
    ],
    ['above it, read-only', { volumeMounts: [{ name: 'conf', mountPath: '/app', readOnly: true }] }, {}],
  ])('beside a volume of the pod %s', (_, container, spec) => {
    const problems = problemsOf(parse({ 'orders.file-a': '/app/db/x.json' }), podOf(container, spec));
    expect(problems).toEqual([
      expect.stringMatching(
        /^file "\/app\/db\/x.json" needs the directory "\/app\/db", and container "app" has its volume "conf"/,
      ),
    ]);
  });

  test('not beside one above it that can be written to, nor in a container that gets nothing', () => {
    const pod = podOf(
      { volumeMounts: [{ name: 'tmp', mountPath: '/app' }] },
      { volumes: [{ name: 'tmp', emptyDir: {} }] },
    );
    expect(problemsOf(parse({ 'orders.file-a': '/app/db/x.json' }), pod)).toEqual([]);
    const other = podOf(
      {},
      {
        containers: [{ name: 'app' }, { name: 'proxy', volumeMounts: [{ name: 'c', mountPath: '/app/db' }] }],
      },
    );
    expect(problemsOf(parse({ 'orders.file-a': '/app/db/x.json', containers: 'app' }), other)).toEqual([]);
  });

  test.each<[string, Partial<PodContainer>, Partial<Pod['spec']>]>([
    ['a non-root user', { securityContext: { runAsUser: 1_000 } }, {}],
    ['a pod without root', {}, { securityContext: { runAsNonRoot: true } }],
    ['fsGroup', {}, { securityContext: { fsGroup: 1_000 } }],
  ])('.pgpass with %s, which psql would ignore', (_, container, spec) => {
    expect(problemsOf(parse({ 'orders.file-a': '/app/db/.pgpass' }), podOf(container, spec))).toEqual([
      expect.stringContaining('would be ignored by psql'),
    ]);
  });

  test('beside a block device, or in a volume of an image', () => {
    const device = podOf({ volumeDevices: [{ name: 'disk', devicePath: '/app/db' }] });
    expect(problemsOf(parse({ 'orders.file-a': '/app/db/x.json' }), device)).toHaveLength(1);
    const image = podOf(
      { volumeMounts: [{ name: 'i', mountPath: '/app' }] },
      { volumes: [{ name: 'i', image: {} }] },
    );
    expect(problemsOf(parse({ 'orders.file-a': '/app/db/x.json' }), image)).toHaveLength(1);
  });

  test('.pgpass of an image whose user is not known: a warning', () => {
    const parsed = parse({ 'orders.file-a': '/app/db/.pgpass' });
    expect(warningsOf(parsed, podOf())).toEqual([expect.stringContaining('can be read by root alone')]);
    expect(warningsOf(parsed, podOf({ securityContext: { runAsUser: 0 } }))).toEqual([]);
  });

  test('contents that a Secret cannot hold', () => {
    const content = '{{password|raw}}'.repeat(250);
    const many = Object.fromEntries(
      Array.from({ length: 31 }, (_, index) => [
        [`orders.file-a${index}`, `/app/db/x${index}.json`],
        [`orders.content-a${index}`, content],
      ]).flat(),
    );
    expect(problemsOf(parse(many), podOf())).toEqual([
      expect.stringMatching(/^the pod's Secret would take \d+ bytes: expected at most 524288$/),
    ]);
  });

  test('of a pod with very many volumes and mounts, without looking at each pair', () => {
    const many = Array.from({ length: 4_000 }, (_, index) => `v${index}`);
    const pod = podOf(
      { volumeMounts: many.map((name) => ({ name, mountPath: '/' })) },
      { volumes: many.map((name) => ({ name, configMap: {} })) },
    );
    let reads = 0;
    const counted = new Proxy(pod.spec.volumes ?? [], {
      get(target, key) {
        reads += 1;
        return Reflect.get(target, key);
      },
    });
    const files = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`orders.file-a${index}`, `/a${index}/x.json`]),
    );
    problemsOf(parse(files), { ...pod, spec: { ...pod.spec, volumes: counted } });
    expect(reads).toBeLessThan(100_000);
  });

  test('one in the other, with a third between them in the order of the alphabet', () => {
    const paths = {
      'orders.file-a': '/app/db/x',
      'orders.file-b': '/app/db/x-1',
      'orders.file-c': '/app/db/x/y',
    };
    const formats = { 'orders.format-a': 'json', 'orders.format-b': 'json', 'orders.format-c': 'json' };
    expect(parse({ ...paths, ...formats }).problems).toEqual([
      'file "/app/db/x" cannot be beside "/app/db/x/y": expected different paths',
    ]);
  });

  test('more than a hundred', () => {
    const many = Object.fromEntries(
      Array.from({ length: 101 }, (_, index) => [`orders.file-a${index}`, `/app/db/x${index}.json`]),
    );
    expect(problemsOf(parse(many), podOf())).toEqual([
      'the databases ask for 101 files: expected at most 100',
    ]);
  });
});
