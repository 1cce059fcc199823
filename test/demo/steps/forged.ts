/** Somebody in the cluster asks the admission function for credentials in a pod's name. */
import { ok } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from '../../stack/http.ts';
import { listRecords } from '../ledger.ts';
import { readExample } from '../pods.ts';
import type { Step } from '../step.ts';

export const forged: Step = {
  title: 'Somebody sends the admission function a review of their own',
  async run(demo) {
    const { admissionUrl, functions } = demo.stack.description;
    ok(admissionUrl, 'the stack runs without its functions');
    const before = await listRecords(demo);
    const object = await readExample('classic.yaml', demo);
    const kind = { group: '', version: 'v1', kind: 'Pod' };
    const asked = { uid: 'forged', kind, operation: 'CREATE', namespace: object.metadata.namespace, object };
    const { status, body } = await request(`${admissionUrl}/`, {
      method: 'POST',
      ca: await readFile(functions.caFile, 'utf8'),
      body: JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: asked }),
    });
    ok(status === 404, `it answered with status ${status}`);
    demo.narrator.did('without the secret in the path it gets status 404, and reads:');
    demo.narrator.quote(body.trim());
    ok((await listRecords(demo)).length === before.length, 'something was issued for it');
    demo.narrator.did('nothing was made for it');
  },
};
