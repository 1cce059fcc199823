/** All records of the ledger, read a few at a time. */
import pLimit from 'p-limit';
import { DocumentDeleted } from '../vault/kv.ts';
import { type StoredRecord, UnreadableRecord } from '../vault/ledger.ts';

const CONCURRENCY = 16;

/** The record is there, but tells nothing: it is invalid, or its newest version was deleted. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof UnreadableRecord || error instanceof DocumentDeleted;

/**
 * @param read `undefined` for a grant that has ended since the ledger was listed.
 * @param onRead gets the number of records read so far.
 * @returns records by uuid, in the order given, without those that have ended.
 * @throws the first failure that is not about a single record.
 */
export async function readRecords(
  uuids: readonly string[],
  read: (uuid: string) => Promise<StoredRecord | undefined>,
  onRead: (count: number) => void = () => {},
): Promise<ReadonlyMap<string, StoredRecord | 'unreadable'>> {
  let count = 0;
  const readOne = async (uuid: string) => {
    const stored = await read(uuid).catch((error: unknown) => {
      if (isUnreadable(error)) return 'unreadable' as const;
      throw error;
    });
    count += 1;
    onRead(count);
    return stored && ([uuid, stored] as const);
  };
  const found = await pLimit(CONCURRENCY).map(uuids, readOne);
  return new Map(found.filter((one) => one !== undefined));
}
