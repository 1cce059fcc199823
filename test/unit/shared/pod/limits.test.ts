/** What a pod may ask for at the most, and the sentence that says so. */
import { describe, expect, test } from 'vitest';
import { ANNOTATION_PREFIX, type DatabaseRequest, parseAnnotations } from '../../../../shared/annotations.ts';
import { exampleFacts } from '../../../../shared/pod/lease-facts.ts';
import { additionsFor, patchPod, textsFor } from '../../../../shared/pod/patch.ts';
import type { Pod } from '../../../../shared/pod/pod.ts';
import { problemsOf } from '../../../../shared/pod/remarks.ts';
import { Secret } from '../../../../shared/secret.ts';

const defaults = { engine: 'databases', delivery: 'env', podsMayChooseDelivery: false } as const;
const many = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));
const names = (count: number, prefix: string) => many(count, (index) => `${prefix}${index}`).join();

const podOf = (
  containers: number,
  metadata: Partial<Pod['metadata']> = {},
  spec: Partial<Pod['spec']> = {},
): Pod => ({
  metadata: { name: 'p', generateName: '', namespace: 'n', ...metadata },
  spec: {
    serviceAccountName: '',
    nodeName: '',
    containers: many(containers, (index) => ({ name: `c${index}` })),
    ...spec,
  },
});

/** @param annotations without their prefix. */
function parse(annotations: Readonly<Record<string, string>>) {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]);
  return parseAnnotations(Object.fromEntries(prefixed), defaults);
}
const problems = (annotations: Readonly<Record<string, string>>, pod: Pod) =>
  problemsOf(parse(annotations), pod);

const variables = (count: number) => ({
  role: 'rw',
  'a.role': 'rw',
  'a.env-key-dbuser': names(count - 1, 'U'),
});

describe('a pod may have', () => {
  test('1,000 variables', () => {
    const of = (count: number) =>
      Object.assign(
        {},
        ...many(5, (index) => ({
          [`d${index}.role`]: 'rw',
          [`d${index}.env-key-dbuser`]: names(count, `U${index}_`),
          [`d${index}.env-key-dbpassword`]: `P${index}`,
        })),
      );
    expect(problems(of(199), podOf(1))).toEqual([]);
    expect(problems(of(200), podOf(1))).toEqual(['the databases set 1005 variables: expected at most 1000']);
  });

  test('5,000 of them, counted in each container that gets them', () => {
    expect(problems(variables(100), podOf(30))).toEqual([]);
    expect(problems(variables(100), podOf(51))).toEqual([
      '100 variables in 51 containers are 5100: expected at most 5000; annotation "containers" says which containers get them',
    ]);
    expect(problems({ ...variables(100), containers: 'c1' }, podOf(51))).toEqual([]);
  });

  test('a patch of 1 MiB', () => {
    const env = [{ name: 'X', value: 'x'.repeat(1024 * 1024) }];
    const pod = podOf(1, {}, { containers: [{ name: 'c0', env }] });
    expect(problems(variables(2), pod)).toEqual([
      expect.stringMatching(/^the patch of the pod would take 10\d{5} bytes: expected at most 1048576$/),
    ]);
  });

  test('names as long as Kubernetes has them', () => {
    const long = 'x'.repeat(254);
    expect(problems(variables(2), podOf(1, { name: long }, { nodeName: long }))).toEqual([
      'metadata.name has 254 characters: expected at most 253',
      'spec.nodeName has 254 characters: expected at most 253',
    ]);
  });
});

// The API server looks at a pod's names after its webhooks, and a record with such a name could never be read again.
test.each([
  ['metadata.name', { name: 'Web_0' }, {}],
  ['metadata.name', { name: '../../x' }, {}],
  ['metadata.name', { name: 'web-\u202e0' }, {}],
  ['spec.serviceAccountName', {}, { serviceAccountName: 'default ' }],
  ['spec.serviceAccountName', {}, { serviceAccountName: '-app' }],
  ['spec.nodeName', {}, { nodeName: 'NODE' }],
])('a name that Kubernetes has not is refused before anything is issued: %s', (field, metadata, spec) => {
  expect(problems(variables(2), podOf(1, metadata, spec))).toEqual([
    expect.stringMatching(
      new RegExp(`^${field} is "[^"]+": expected lower case letters, digits, "-" and "."$`),
    ),
  ]);
});

test('what is counted for a patch is no less than the patch takes', () => {
  const { requests } = parse({ ...variables(100), 'a.template': 'x' });
  const pod = podOf(30);
  const longFacts = (request: DatabaseRequest) => ({
    ...exampleFacts(request),
    user: 'u'.repeat(64),
    password: new Secret('p'.repeat(64)),
  });
  const given = requests.map((request) => ({
    request,
    variables: textsFor(request, longFacts(request)).variables,
  }));
  const bytes = JSON.stringify(patchPod(pod, additionsFor(given, '', ''), undefined).operations).length;
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(1024 * 1024);
});

describe('annotations', () => {
  test('of ours are at most a thousand', () => {
    const all = Object.fromEntries(many(1_001, (index) => [`x${index}`, '']));
    expect(parse({ role: 'rw', ...all }).problems).toEqual([
      `1002 annotations begin with "${ANNOTATION_PREFIX}": expected at most 1000`,
    ]);
  });

  test('name at most 256 variables in one list', () => {
    expect(parse({ 'a.role': 'rw', 'a.env-key-dbuser': names(257, 'U') }).problems).toEqual([
      expect.stringContaining('expected at most 256 names, and there are 257'),
    ]);
  });

  test('have databases with names as long as Kubernetes lets them be', () => {
    expect(parse({ [`${'d'.repeat(64)}.role`]: 'rw' }).problems).toEqual([
      expect.stringContaining('has a name of 64 characters: expected at most 63'),
    ]);
  });

  test('that are wrong in a thousand ways are told by the first, and their number', () => {
    const bad = Object.assign(
      {},
      ...many(32, (index) => ({ [`d${index}.role`]: 'rw', [`d${index}.env-key-dbuser`]: names(100, '+') })),
    );
    const told = parse(bad).problems;
    expect(told.at(-1)).toMatch(/^… and 31\d\d more$/);
    expect(told.join('; ').length).toBeLessThan(4_096);
  });
});

test('names of containers that the pod has not are told with some that it has', () => {
  const told = problems({ role: 'rw', containers: names(250, 'x') }, podOf(1_000));
  expect(told[0]).toBe(
    'annotation "containers" names "x0": expected one of c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 990 more',
  );
  expect(told.at(-1)).toBe('… and 230 more');
});
