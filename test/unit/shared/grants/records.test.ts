import { expect, test } from 'vitest';
import { readRecords } from '../../../../shared/grants/records.ts';
import { DocumentDeleted } from '../../../../shared/vault/kv.ts';
import { UnreadableRecord } from '../../../../shared/vault/ledger.ts';
import { RECORD, storedAs } from '../../../support/ledger-record.ts';

const stored = storedAs(RECORD);

test('records come in the order asked for; what tells nothing is marked, what has ended is left out', async () => {
  const answers = new Map<string, typeof stored | Error | undefined>([
    ['slow', stored],
    ['invalid', new UnreadableRecord()],
    ['deleted', new DocumentDeleted('a record')],
    ['ended', undefined],
    ['fast', stored],
  ]);
  const counts: number[] = [];
  const read = async (uuid: string) => {
    if (uuid === 'slow') await new Promise((resolve) => setTimeout(resolve, 20));
    const answer = answers.get(uuid);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const found = await readRecords([...answers.keys()], read, (count) => counts.push(count));
  expect([...found]).toEqual([
    ['slow', stored],
    ['invalid', 'unreadable'],
    ['deleted', 'unreadable'],
    ['fast', stored],
  ]);
  expect(counts).toEqual([1, 2, 3, 4, 5]);
});

test('any other failure is of the whole', async () => {
  await expect(readRecords(['a'], () => Promise.reject(new Error('Vault is away')))).rejects.toThrow('away');
});
