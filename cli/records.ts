/** Records of the ledger, read a few at a time. */
import pLimit from 'p-limit';
import type { Deadline } from '../shared/deadline.ts';
import { DocumentDeleted } from '../shared/vault/kv.ts';
import { type Ledger, type LedgerRecord, UnreadableRecord } from '../shared/vault/ledger.ts';
import type { Work } from '../shared/vault/requests.ts';

export interface RecordParts {
  readonly ledger: Pick<Ledger, 'read'>;
  readonly newDeadline: () => Deadline;
  readonly onProgress: (what: string) => void;
}

export const CONCURRENCY = 16;

export const workOf = ({ newDeadline }: Pick<RecordParts, 'newDeadline'>): Work => ({
  deadline: newDeadline(),
  vaultCalls: 0,
});

/** @returns those that exist; `undefined` for one that cannot be read as a record. */
export async function readRecords(
  uuids: readonly string[],
  parts: RecordParts,
): Promise<ReadonlyMap<string, LedgerRecord | undefined>> {
  const records = new Map<string, LedgerRecord | undefined>();
  let read = 0;
  const readOne = async (uuid: string) => {
    try {
      const stored = await parts.ledger.read(uuid, workOf(parts));
      if (stored) records.set(uuid, stored.record);
    } catch (error) {
      if (!(error instanceof UnreadableRecord || error instanceof DocumentDeleted)) throw error;
      records.set(uuid, undefined);
    }
    read += 1;
    parts.onProgress(`reading the ledger: ${read} of ${uuids.length} …`);
  };
  await pLimit(CONCURRENCY).map(uuids, readOne);
  return records;
}
