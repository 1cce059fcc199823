/** Reviews as the API server sent them (see test/e2e/admission/reviews-recorded.test.ts), and answers to it. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { answerReview, parseReview } from '../../../../functions/admission/admission-review.ts';

const fixture = (name: string) => readFileSync(`test/fixtures/admission-reviews/${name}.json`);
const uid = '00000000-0000-4000-8000-000000000000';

function creationIn(name: string) {
  const { creation } = parseReview(fixture(name));
  if (!creation) throw new Error('the review is of something else');
  return creation;
}

describe('a recorded review', () => {
  test('of a pod', () => {
    const { pod, ...request } = creationIn('a-pod');
    expect(request).toEqual({ uid, namespace: 'team-infrastructure', dryRun: false });
    expect(pod.metadata).toMatchObject({
      name: 'review',
      generateName: '',
      namespace: 'team-infrastructure',
      labels: { 'vault-db-injector': 'true' },
    });
    expect(pod.spec).toMatchObject({ serviceAccountName: 'vault-pgsql-example', nodeName: '' });
    expect(pod.spec.containers.map(({ name, env }) => [name, env])).toEqual([['app', undefined]]);
  });

  test('of a dry run', () => expect(creationIn('a-dry-run').dryRun).toBe(true));

  test('of a pod that has no name yet', () => {
    const { pod } = creationIn('a-pod-without-a-name');
    expect(pod.metadata).toMatchObject({ name: '', generateName: 'web-7d9f-' });
    expect(pod.spec.serviceAccountName).toBe('default');
  });

  test('of a pod with containers of all kinds', () => {
    const { spec } = creationIn('a-pod-with-containers-of-all-kinds').pod;
    expect(spec.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['migrate', undefined],
      ['proxy', 'Always'],
    ]);
    expect(spec.containers.map(({ name, env }) => [name, env])).toEqual([
      [
        'app',
        [
          { name: 'DBUSER', value: 'mine' },
          { name: 'HOST_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.hostIP' } } },
        ],
      ],
      ['worker', undefined],
    ]);
  });

  test.each([
    ['an update', { operation: 'UPDATE' }],
    ['a deletion, which has no object', { operation: 'DELETE', object: null }],
    ['a subresource', { subResource: 'ephemeralcontainers' }],
  ])('changed to %s is none of our business', (_, changes) => {
    const review: { request: object } = JSON.parse(fixture('a-pod').toString());
    const body = Buffer.from(JSON.stringify({ ...review, request: { ...review.request, ...changes } }));
    expect(parseReview(body)).toEqual({ uid, creation: undefined });
  });
});

describe('an answer', () => {
  const answer = (verdict: Parameters<typeof answerReview>[1]) => answerReview('some-uid', verdict);
  const head = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };

  test('that says nothing allows', () => {
    expect(answer({ warnings: [] })).toEqual({ ...head, response: { uid: 'some-uid', allowed: true } });
    expect(answer({ warnings: [], patch: [] })).toEqual({
      ...head,
      response: { uid: 'some-uid', allowed: true },
    });
  });

  test('with a patch has it as base64', () => {
    const patch = [{ op: 'add', path: '/metadata/annotations/a~1b', value: 'ä' }] as const;
    expect(answer({ patch, warnings: ['careful'] })).toEqual({
      ...head,
      response: {
        uid: 'some-uid',
        allowed: true,
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
        warnings: ['careful'],
      },
    });
  });

  test('that denies says why', () => {
    expect(answer({ denial: { code: 403, message: 'no' }, warnings: [] })).toEqual({
      ...head,
      response: { uid: 'some-uid', allowed: false, status: { code: 403, message: 'no' } },
    });
  });

  test('has as many warnings, as long, as the API server shows', () => {
    const warnings = Array.from({ length: 20 }, (_, index) => `${index}\n${'x'.repeat(300)}`);
    const { response } = { response: { warnings: [''] }, ...answer({ warnings }) };
    expect(response.warnings).toHaveLength(15);
    expect(response.warnings[3]).toBe(`3 ${'x'.repeat(253)}…`);
  });
});
