/** Records of the ledger, with progress for a person. */
import type { Deadline } from '../shared/deadline.ts';
import { readRecords as readAll } from '../shared/grants/records.ts';
import type { Ledger, LedgerRecord } from '../shared/vault/ledger.ts';
import { beginWork, type Work } from '../shared/vault/requests.ts';

export interface RecordParts {
  readonly ledger: Pick<Ledger, 'read'>;
  readonly newDeadline: () => Deadline;
  readonly onProgress: (what: string) => void;
}

export const workOf = ({ newDeadline }: Pick<RecordParts, 'newDeadline'>): Work => beginWork(newDeadline());

/** @returns those that exist; `undefined` for one that cannot be read as a record. */
export async function readRecords(
  uuids: readonly string[],
  parts: RecordParts,
): Promise<ReadonlyMap<string, LedgerRecord | undefined>> {
  const found = await readAll(
    uuids,
    (uuid) => parts.ledger.read(uuid, workOf(parts)),
    (count) => parts.onProgress(`reading the ledger: ${count} of ${uuids.length} …`),
  );
  return new Map([...found].map(([uuid, one]) => [uuid, one === 'unreadable' ? undefined : one.record]));
}
