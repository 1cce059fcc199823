/** A pod whose service account may not assume the role: what its owner reads, and that nothing was made for it. */
import { ok } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { listRecords } from '../ledger.ts';
import { readExample, tryCreate } from '../pods.ts';
import { type Step, timed } from '../step.ts';

export const denied: Step = {
  title: 'A pod whose service account may not assume the role',
  async run(demo) {
    const { narrator } = demo;
    const manifest = await readExample('classic.yaml', demo);
    const before = await listRecords(demo);
    const { value: answer, ms } = await timed(() =>
      tryCreate(
        {
          ...manifest,
          metadata: { ...manifest.metadata, name: 'denied' },
          spec: { ...manifest.spec, serviceAccountName: 'default' },
        },
        demo,
      ),
    );
    ok(!answer.pod, 'the pod was created');
    ok(answer.status === 403, `the API server answered ${answer.status}: ${answer.message}`);
    ok(answer.message.includes('does not allow service account "default"'), answer.message);
    ok(isDeepStrictEqual(await listRecords(demo), before), 'the ledger has other records than before');
    narrator.did('the API server refused it, with status 403; its owner reads:', ms);
    narrator.quote(answer.message);
    narrator.did(`nothing was made for it: the ledger has ${before.length} records, as before`);
  },
};
