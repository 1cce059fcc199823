/** The ledger: one record for each grant, and none else. */
import { ok } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { listRecords, readRecord } from '../ledger.ts';
import { type Step, timed } from '../step.ts';

export const records: Step = {
  title: "The ledger in Vault's KV: what the renewal job keeps alive",
  async run(demo) {
    const { narrator, pods } = demo;
    const { value: uuids, ms } = await timed(() => listRecords(demo));
    const expected = pods.flatMap((pod) => pod.uuids).sort();
    ok(isDeepStrictEqual(uuids, expected), 'the records are not those of the pods');
    narrator.did(`${uuids.length} records, one for each database of each pod`, ms);
    for (const pod of pods) {
      for (const [index, uuid] of pod.uuids.entries()) {
        const record = await readRecord(uuid, demo);
        ok(record.Namespace === pod.namespace, `record ${uuid} is of namespace ${record.Namespace}`);
        ok(record.UserName === pod.users[index], `record ${uuid} is of user ${record.UserName}`);
        ok(record.TokenAccessor !== '', `record ${uuid} names no token`);
        narrator.fact(pod.name, `${uuid}  ${record.UserName}`);
        narrator.fact('', `token known as ${record.TokenAccessor}, lease of ${record.LeaseTtlSeconds} s`);
      }
    }
  },
};
