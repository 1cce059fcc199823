import { expect, test } from 'vitest';
import { Secret } from '../../../../shared/secret.ts';
import { createLedger, UnreadableRecord } from '../../../../shared/vault/ledger.ts';
import { newWork } from '../../../support/work.ts';

const work = newWork();
const theirs = { LeaseId: 'db/creds/rw/1', Namespace: 'team' };

function ledgerOf(data: Readonly<Record<string, unknown>>) {
  const written: object[] = [];
  const ledger = createLedger(
    {
      read: async () => ({ data, createdAt: new Date(0), version: 3 }),
      write: async (_, __, fields, ___, replaces) => void written.push({ ...fields, replaces }),
      keepOneVersion: async () => void written.push({ versions: 1 }),
      remove: async () => expect.unreachable(),
      list: async () => expect.unreachable(),
    },
    'cluster',
  );
  return { ledger, written };
}

const read = async (fields: object) =>
  (await ledgerOf({ ...theirs, ...fields }).ledger.read('a', work))?.record;

test.each([
  ['its token', { TokenId: 's.x' }, 's.x'],
  ['its accessor', { TokenAccessor: 'names-it' }, 'names-it'],
  ['its token, where both are there: it is to be taken out', { TokenId: 's.x', TokenAccessor: 'a' }, 's.x'],
  ['its accessor, where no token is left', { TokenId: '', TokenAccessor: 'names-it' }, 'names-it'],
])('a record refers to %s', async (_, fields, expected) => {
  const token = (await read(fields))?.token;
  expect(token instanceof Secret ? token.reveal() : token?.accessor).toBe(expected);
});

test.each([
  ['neither', {}],
  ['an empty one', { TokenAccessor: '' }],
  ['one of another type', { TokenId: ['s.x'] }],
])('a record with %s is none', async (_, fields) => {
  await expect(read(fields)).rejects.toBeInstanceOf(UnreadableRecord);
});

test('the one is written in the place of the other, and only of what was read', async () => {
  const { ledger, written } = ledgerOf({ ...theirs, TokenId: 's.x' });
  const stored = await ledger.read('a', work);
  if (!stored) throw new Error('there is one');
  await ledger.replace('a', { ...stored.record, token: { accessor: 'names-it' } }, stored.version, work);
  expect(written).toEqual([
    { versions: 1 },
    expect.objectContaining({ ...theirs, TokenAccessor: 'names-it', replaces: 3 }),
  ]);
  expect(written[1]).not.toHaveProperty('TokenId');
});

test.each([
  ['podName', 'Web_0'],
  ['serviceAccountName', 'a b'],
  ['nodeName', 'NODE'],
  ['leaseId', 'db/creds/../rw'],
  ['secretName', '..'],
])('a record that could not be read again is not written: %s', async (field, value) => {
  const { ledger, written } = ledgerOf({ ...theirs, TokenId: 's.x' });
  const stored = await ledger.read('a', work);
  if (!stored) throw new Error('there is one');
  const wrong = { ...stored.record, [field]: value };
  await expect(ledger.write('a', wrong, work)).rejects.toBeInstanceOf(UnreadableRecord);
  await expect(ledger.replace('a', wrong, 3, work)).rejects.toBeInstanceOf(UnreadableRecord);
  expect(written).toEqual([]);
  await ledger.write('a', stored.record, work);
  expect(written).toHaveLength(1);
});
