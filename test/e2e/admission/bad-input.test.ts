/** What is not a review of a pod's creation: one line back, nothing made, and the next one is served. */
import { gzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, NOTHING, newSince, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { container, podWith } from '../support/pods.ts';
import { type RawAnswer, sendRaw } from '../support/raw-request.ts';
import { ask, post, reviewOf } from '../support/reviews.ts';
import { admission } from '../support/stack.ts';

const MEBIBYTE = 1024 * 1024;
let before: Census;

beforeEach(async () => {
  before = await takeCensus();
});

async function expectRefused({ status, contentType, body }: RawAnswer, expected: number, line: string) {
  expect({ status, contentType, body }).toEqual({
    status: expected,
    contentType: 'text/plain; charset=utf-8',
    body: `${line}\n`,
  });
  expect(await newSince(before)).toEqual(NOTHING);
  const next = await ask(admission, reviewOf(podWith({ role: 'gule-rw' }), { dryRun: true }));
  expect(next.allowed).toBe(true);
}

const good = reviewOf(podWith({ role: 'gule-rw' }));
const withRequest = (changes: object) =>
  JSON.stringify({ ...good, request: { ...good.request, ...changes } });
const withPod = (changes: object) => withRequest({ object: { ...good.request.object, ...changes } });

describe('a body that is not a review', () => {
  const review = 'expected an AdmissionReview of admission.k8s.io/v1: ';
  const rows = [
    ['nothing', '', 'the body is not JSON'],
    ['not JSON', 'kind: AdmissionReview', 'the body is not JSON'],
    ['half of a review', JSON.stringify(good).slice(0, 200), 'the body is not JSON'],
    ['null', 'null', `${review}the body is invalid`],
    ['a list', '[]', `${review}apiVersion is invalid`],
    [
      'another version',
      JSON.stringify({ ...good, apiVersion: 'admission.k8s.io/v1beta1' }),
      `${review}apiVersion is invalid`,
    ],
    ['another kind of object', JSON.stringify({ ...good, kind: 'CloudEvent' }), `${review}kind is invalid`],
    ['no request', JSON.stringify({ ...good, request: undefined }), `${review}request is invalid`],
    ['no uid', withRequest({ uid: '' }), `${review}request.uid is invalid`],
  ] as const;

  test.each(rows)('%s', async (_, body, line) => {
    await expectRefused(await sendRaw(`${admission.url}${admission.path}`, { pieces: [body] }), 400, line);
  });
});

test.each([
  [
    'lists, a hundred thousand deep',
    `${'['.repeat(1e5)}${']'.repeat(1e5)}`,
    'the body has 100000 values: expected at most 25000',
  ],
  [
    'lists, twenty thousand deep',
    `${'['.repeat(2e4)}${']'.repeat(2e4)}`,
    'the body has 20000 levels: expected at most 100',
  ],
])('%s, are not even read', async (_, body, line) => {
  await expectRefused(await sendRaw(`${admission.url}${admission.path}`, { pieces: [body] }), 413, line);
});

test('a variable so deep that nobody could write it down: the pod is denied, and nothing made', async () => {
  const env = [{ name: 'X', valueFrom: 'DEEP' }];
  const pod = { ...podWith({ role: 'gule-rw' }), spec: { containers: [{ name: 'app', env }] } };
  const body = withRequest({ object: pod }).replace('"DEEP"', `${'['.repeat(1e4)}${']'.repeat(1e4)}`);
  const { status, body: said } = await post(admission, body);
  expect([status, said]).toEqual([200, expect.stringContaining('"allowed":false')]);
  expect(await newSince(before)).toEqual(NOTHING);
});

test('more values than any pod has: its author is told the limit', async () => {
  const env = Array.from({ length: 30_000 }, () => ({ name: 'X' }));
  const review = reviewOf(podWith({ role: 'gule-rw' }, { containers: [{ ...container('app'), env }] }));
  const { allowed, code, message } = await ask(admission, review);
  expect([allowed, code]).toEqual([false, 413]);
  expect(message).toMatch(
    /no database credentials for this pod: the body has \d+ values: expected at most 25000$/,
  );
  expect(await newSince(before)).toEqual(NOTHING);
});

describe('a review of something else', () => {
  const rows = [
    [
      'a Deployment',
      withRequest({ kind: { group: 'apps', version: 'v1', kind: 'Deployment' } }),
      'expected a review of a Pod (v1), found apps v1 Deployment',
    ],
    [
      "somebody else's Pod",
      withRequest({ kind: { group: 'example.org', version: 'v1', kind: 'Pod' } }),
      'expected a review of a Pod (v1), found example.org v1 Pod',
    ],
    ['no object', withRequest({ object: null }), 'expected a Pod as request.object: the body is invalid'],
    ['no spec', withPod({ spec: undefined }), 'expected a Pod as request.object: spec is invalid'],
    [
      'containers that are none',
      withPod({ spec: { containers: 'app' } }),
      'expected a Pod as request.object: spec.containers is invalid',
    ],
    ['no namespace', withRequest({ namespace: '' }), 'request.namespace: is missing'],
    [
      'two namespaces',
      withRequest({ namespace: 'kube-system' }),
      'request.namespace and metadata.namespace of the pod differ',
    ],
  ] as const;

  test.each(rows)('%s', async (_, body, line) => {
    await expectRefused(await sendRaw(`${admission.url}${admission.path}`, { pieces: [body] }), 400, line);
  });
});

describe('a body that is too long', () => {
  const tooLong = `the body is too large: expected at most ${4 * MEBIBYTE} bytes`;

  // Sent without a proxy, which may drop an answer that comes before the whole body was sent.
  let alone: AdmissionFunction;
  beforeAll(async () => {
    alone = await startAdmission(await startFaultProxy());
  });

  test('as it says itself', async () => {
    const headers = { 'content-length': String(4 * MEBIBYTE + 1) };
    await expectRefused(await sendRaw(`${alone.url}${alone.path}`, { headers }), 413, tooLong);
  });

  test('as it turns out', async () => {
    const pieces = Array.from({ length: 5 }, () => Buffer.alloc(MEBIBYTE, ' '));
    await expectRefused(await sendRaw(`${alone.url}${alone.path}`, { pieces }), 413, tooLong);
  });

  test('as it would be, were it not compressed', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const pieces = [gzipSync(JSON.stringify(good))];
    await expectRefused(
      await sendRaw(`${alone.url}${alone.path}`, { headers, pieces }),
      415,
      'the body is compressed: expected no content encoding',
    );
  });

  test('by not one byte: it is served', async () => {
    const body = withRequest({ dryRun: true }).padEnd(4 * MEBIBYTE, ' ');
    expect((await post(alone, body)).status).toBe(200);
  });
});

describe('a request that the function does not know', () => {
  const rows = [
    ['POST', '/admit', 404, 'there is nothing at this path'],
    ['GET', '/reviews', 404, 'there is nothing at this path'],
    ['POST', '//', 404, 'there is nothing at this path'],
    ['POST', '/', 404, 'there is nothing at this path'],
    ['GET', '/', 404, 'there is nothing at this path'],
    ['GET', admission.path, 405, 'expected POST'],
    ['PUT', admission.path, 405, 'expected POST'],
    ['POST', '/healthz', 405, 'expected GET'],
    ['DELETE', '/metrics', 405, 'expected GET'],
  ] as const;

  test.each(rows)('%s %s', async (method, path, status, line) => {
    await expectRefused(await sendRaw(`${admission.url}${path}`, { method }), status, line);
  });
});
