/** Pods and reviews that are none of the function's business pass as they are; a pod it has patched is patched once. */
import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Census, NOTHING, newSince, takeCensus } from '../support/census.ts';
import { kubectl } from '../support/kubectl.ts';
import { createPod, environmentOf, podWith, readPod, uuidsOf } from '../support/pods.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';
import { admission, exampleNamespace, stack } from '../support/stack.ts';

let before: Census;
beforeEach(async () => {
  before = await takeCensus();
});

describe('a pod without the label', () => {
  test.each([
    ['none', {}],
    ['another value', { 'vault-db-injector': 'false' }],
    ['another key', { 'vault-injector': 'true' }],
  ])('(%s) is stored as it was written', async (_, labels) => {
    const manifest = podWith({ role: 'gule-rw' }, { labels });
    const pod = await createPod(manifest);
    expect(environmentOf(pod)).toEqual({});
    expect(uuidsOf(pod)).toEqual([]);
    const verdict = await ask(admission, reviewOf(manifest));
    expect(verdict).toMatchObject({ allowed: true, operations: [], warnings: [] });
    expect(await newSince(before)).toEqual(NOTHING);
  });
});

describe('the mirror of a static pod', () => {
  test('passes as it is, with a warning, and nothing is issued for it', async () => {
    const { metadata, spec, ...kind } = podWith({ role: 'gule-rw' }, { serviceAccount: null });
    const annotations = { ...metadata.annotations, 'kubernetes.io/config.mirror': 'abc' };
    const manifest = {
      ...kind,
      metadata: { ...metadata, annotations },
      spec: { ...spec, nodeName: 'node-1' },
    };
    // The API server gives it no service account, as all other pods have.
    const path = `/api/v1/namespaces/${exampleNamespace}/pods`;
    const { status, headers, body } = await stack.kubernetes.ask('POST', path, manifest);
    expect([status, String(headers['warning'])]).toEqual([
      201,
      expect.stringContaining('this is a static pod'),
    ]);
    expect(body).not.toMatch(/DBUSER|db-creds-injector\.numberly\.io\/uuid/);
    expect(await newSince(before)).toEqual(NOTHING);
  });
});

describe('a review of a pod that exists', () => {
  test.each([
    ['an update', { operation: 'UPDATE' }],
    ['a deletion', { operation: 'DELETE' }],
    ['an ephemeral container', { operation: 'UPDATE', subResource: 'ephemeralcontainers' }],
    ['a binding', { subResource: 'binding' }],
  ])('(%s) is allowed without a patch', async (_, wishes) => {
    const verdict = await ask(admission, reviewOf(podWith({ role: 'gule-rw' }), wishes));
    expect(verdict).toMatchObject({ allowed: true, operations: [] });
    expect(await newSince(before)).toEqual(NOTHING);
  });
});

describe('a pod that the function has patched a moment ago', () => {
  test('is shown again: it gets credentials of its own, since nothing proves that it is the same', async () => {
    const pod = podWith({ 'a.role': 'gule-rw' });
    const shownAgain = patched(pod, await ask(admission, reviewOf(pod)));
    const second = await ask(admission, reviewOf(shownAgain));
    const again = patched(shownAgain, second);
    expect(uuidsOf(again)).not.toEqual(uuidsOf(shownAgain));
    expect(again.spec.containers[0]?.env).not.toEqual(shownAgain.spec.containers[0]?.env);
    // What the first answer gave is an orphan that the next sweep finds by its record.
    expect((await newSince(before)).records).toHaveLength(2);
  });

  test('is copied with uuid and password by somebody else: the copy gets credentials of its own', async () => {
    const pod = podWith({ 'a.role': 'gule-rw' });
    const original = patched(pod, await ask(admission, reviewOf(pod)));
    const copy = { ...original, metadata: { ...original.metadata, name: 'copy' } };
    const verdict = await ask(admission, reviewOf(copy));
    expect(patched(copy, verdict).metadata.annotations).not.toEqual(original.metadata.annotations);
    expect(verdict.warnings).toEqual([
      'annotation "db-creds-injector.numberly.io/uuid" is the injector\'s own: the value given is replaced',
      'container "app" sets DBUSER, DBPASSWORD itself: replaced by the credentials',
    ]);
  });
});

describe('a pod that is replaced by itself', () => {
  const whole = (exported: object) => exported;
  /** The pod as a backup tool stores it, or a person who tidies up. */
  const withoutStatus = ({ status: _, ...exported }: { status?: unknown }) => exported;

  test.each([
    ['by all that the API server shows of it', whole],
    ['by an export without its status', withoutStatus],
  ])(
    '%s gets credentials of its own: those in its manifest ended with the pod before',
    async (_, exported) => {
      const pod = await createPod(podWith({ role: 'gule-rw' }));
      const { name } = pod.metadata;
      const at = `--namespace=${exampleNamespace}`;
      const { output } = await kubectl(['get', 'pod', name, at, '--output=json']);
      const manifest = JSON.stringify(exported(v.parse(v.looseObject({}), JSON.parse(output))));
      const replaced = await kubectl(
        ['replace', '--force', '--grace-period=0', at, '--filename=-'],
        manifest,
      );
      expect(replaced.output).toContain('replaced');
      const successor = await readPod(name);
      expect(uuidsOf(successor)).not.toEqual(uuidsOf(pod));
      await expect.poll(async () => (await newSince(before)).records).toEqual(uuidsOf(successor));
    },
  );
});

describe('a uuid that somebody has written into the annotations', () => {
  test('is overwritten, with a warning', async () => {
    const foreign = '01a20462-9fad-72dd-b8d6-ae50f3468e9a';
    const pod = await createPod(podWith({ role: 'gule-rw', uuid: foreign }));
    expect(uuidsOf(pod)).toHaveLength(1);
    expect(uuidsOf(pod)).not.toEqual([foreign]);
    expect(pod.warnings).toEqual([
      'annotation "db-creds-injector.numberly.io/uuid" is the injector\'s own: the value given is replaced',
    ]);
    expect((await newSince(before)).records).toEqual(uuidsOf(pod));
  });
});
