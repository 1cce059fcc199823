/**
 * The reviews in test/fixtures, which unit tests read, are what the API server sends: they are recorded again here,
 * and compared. (`vitest run --project e2e reviews-recorded -u` writes them after a change of the API server.)
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { container, createPod, type PodManifest, podWith } from '../support/pods.ts';
import { type Recorder, type Review, startRecorder } from '../support/recorder.ts';
import { stack } from '../support/stack.ts';

let recorder: Recorder;

beforeAll(async () => {
  recorder = await startRecorder();
  await stack.pointWebhook(recorder.url);
});
afterAll(() => stack.restoreWebhook());

/** What differs from one recording to the next is made the same. */
function steady(review: Review): string {
  const uids = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g;
  const text = JSON.stringify(review, null, 2)
    .replaceAll(uids, '00000000-0000-4000-8000-000000000000')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '2026-01-01T00:00:00Z')
    .replaceAll(/kube-api-access-\w{5}/g, 'kube-api-access-xxxxx')
    .replaceAll(/(?<="(?:authentication.kubernetes.io\/credential-id)": \[\s*)"[^"]*"/g, '"X509SHA256=0"');
  return `${text}\n`;
}

async function record(manifest: PodManifest, query = ''): Promise<Recorder['recorded'][number]> {
  const before = recorder.recorded.length;
  await createPod(manifest, query);
  const recorded = recorder.recorded[before];
  if (!recorded) throw new Error('the API server did not ask');
  expect(recorder.recorded).toHaveLength(before + 1);
  return recorded;
}

const reference = {
  cluster: 'pgsql2-dv',
  'dbname.env-key-dbpassword': 'DB_PASSWORD',
  'dbname.env-key-dbuser': 'DB_USER',
  'dbname.role': 'gule-rw',
  'dbname.mode': 'classic',
};
const rows: readonly (readonly [string, PodManifest, string])[] = [
  ['a-pod', podWith(reference, { name: 'review' }), ''],
  ['a-dry-run', podWith(reference, { name: 'dry-review' }), '?dryRun=All'],
  [
    'a-pod-without-a-name',
    podWith({ role: 'gule-rw' }, { generateName: 'web-7d9f-', serviceAccount: null }),
    '',
  ],
  [
    'a-pod-with-containers-of-all-kinds',
    podWith(
      { role: 'gule-rw' },
      {
        name: 'containers',
        initContainers: [container('migrate'), { ...container('proxy'), restartPolicy: 'Always' }],
        containers: [
          container('app', [
            { name: 'DBUSER', value: 'mine' },
            { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
          ]),
          container('worker', []),
        ],
      },
    ),
    '',
  ],
];

describe('a recorded review', () => {
  test.each(rows)('%s', async (name, manifest, query) => {
    const { path, review } = await record(manifest, query);
    expect(path).toBe(`${stack.description.functions.webhookPath}?timeout=15s`);
    await expect(steady(review)).toMatchFileSnapshot(`../../fixtures/admission-reviews/${name}.json`);
  });
});
