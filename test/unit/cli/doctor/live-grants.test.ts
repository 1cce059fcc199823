/** Which grants of live pods are missing from the ledger, by uuids that tell their time and by ones that do not. */
import { v7 as newUuid, v4 } from 'uuid';
import { expect, test } from 'vitest';
import { missingGrants } from '../../../../cli/doctor/live-grants.ts';
import { DocumentDeleted } from '../../../../shared/vault/kv.ts';
import { RECORD } from '../../../support/ledger-record.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const MINUTE = 60_000;
const record = RECORD;

/** @param answers what the ledger says of a uuid that it was not listed with; one that is not here fails the test. */
function missingOf(
  uuid: string,
  answers: Readonly<Record<string, 'written since' | 'deleted' | 'not there'>>,
) {
  return missingGrants([{ namespace: 'team', name: 'web-0', uid: 'web-0', uuids: [uuid] }], {
    known: new Set(),
    gracePeriodSeconds: 120,
    now: NOW,
    read: async (asked) => {
      const answer = answers[asked];
      if (answer === undefined) return expect.unreachable(`nobody expected ${asked} to be read`);
      if (answer === 'deleted') throw new DocumentDeleted('a record of the ledger');
      return answer === 'not there' ? undefined : { record, writtenAt: new Date(NOW), version: 1 };
    },
  });
}

test.each<[string, string, 'written since' | 'deleted' | 'not there' | undefined, boolean]>([
  ['of a minute ago may still be written', newUuid({ msecs: NOW - MINUTE }), undefined, false],
  ['of an hour ago is missing', newUuid({ msecs: NOW - 60 * MINUTE }), undefined, true],
  ['without a time is not, where its record was written since', v4(), 'written since', false],
  ['without a time is, where its record is not there', v4(), 'not there', true],
  ['without a time is, where its record is deleted', v4(), 'deleted', true],
  ['that is no uuid is, and is not read', 'a/b', undefined, true],
])('a grant %s', async (_, uuid, answer, isMissing) => {
  const missing = await missingOf(uuid, answer === undefined ? {} : { [uuid]: answer });
  expect([...missing]).toEqual(isMissing ? [uuid] : []);
});
