/** What of an answer counts: what Vault's KV engine says itself, and of nothing that stands before it. */
import { describe, expect, test } from 'vitest';
import { createKv } from '../../../../shared/vault/kv.ts';
import { createRenewals } from '../../../../shared/vault/renewals.ts';
import { newWork } from '../../../support/work.ts';

const work = newWork();
const kvOf = (answer: unknown) => createKv({ send: async () => answer }, 'mount');
const INVALID = { code: 'vault_answer_invalid' };
const metadata = { created_time: '2026-01-01T12:00:00.123456789Z', version: 3 };

describe('a list', () => {
  test('is what Vault says', async () => {
    const answer = { request_id: 'r', data: { keys: ['a', 'b/'] } };
    expect(await kvOf(answer).list('it', 'p', work)).toEqual(['a', 'b/']);
  });

  test.each([
    { data: { keys: ['a'] } },
    // Vault answers 404 for an empty folder.
    { request_id: 'r', data: { keys: [] } },
    { request_id: 'r', data: { keys: null } },
    { request_id: 'r', data: { keys: ['a', 1] } },
    { request_id: 'r', data: null },
    { request_id: 'r', data: [] },
  ])('is not %j', async (answer) => {
    await expect(kvOf(answer).list('it', 'p', work)).rejects.toMatchObject(INVALID);
  });
});

describe('a document', () => {
  test('is what Vault says', async () => {
    const answer = { request_id: 'r', data: { data: { x: 1 }, metadata } };
    expect(await kvOf(answer).read('it', 'p', work)).toMatchObject({ data: { x: 1 }, version: 3 });
  });

  test.each([
    { data: { data: {}, metadata } },
    { request_id: 'r', data: { data: null, metadata } },
    { request_id: 'r', data: { data: {}, metadata: { ...metadata, version: '3' } } },
    { request_id: 'r', data: { data: {}, metadata: { ...metadata, created_time: 'soon' } } },
    {
      request_id: 'r',
      data: { data: {}, metadata: { ...metadata, created_time: '2026-01-01T12:00:00+99' } },
    },
  ])('is not %j', async (answer) => {
    await expect(kvOf(answer).read('it', 'p', work)).rejects.toMatchObject(INVALID);
  });
});

test.each([
  [{ data: { version: 1 } }, false],
  [{ request_id: 'r', data: { version: 0 } }, false],
  [{ request_id: 'r', data: { version: 1 } }, true],
])('a write that is answered with %j counts: %s', async (answer, counts) => {
  const written = kvOf(answer).write('it', 'p', {}, work);
  await (counts ? expect(written).resolves.toBeUndefined() : expect(written).rejects.toMatchObject(INVALID));
});

describe('a renewal of a lease', () => {
  const renew = (answer: unknown) => createRenewals({ send: async () => answer }).renewLease('db/1', work);

  test('is what Vault says of that lease', async () => {
    expect(await renew({ request_id: 'r', lease_id: 'db/1', lease_duration: 60 })).toBe(60);
  });

  test.each([
    { request_id: 'r', lease_id: 'db/2', lease_duration: 60 },
    { request_id: 'r', lease_id: '', lease_duration: 60 },
    { request_id: 'r', lease_duration: 60 },
    { request_id: 'r', lease_id: 'db/1', lease_duration: -1 },
    { request_id: 'r', lease_id: 'db/1', lease_duration: 1e300 },
    { request_id: 'r', lease_id: 'db/1', lease_duration: '60' },
  ])('is not %j', async (answer) => {
    await expect(renew(answer)).rejects.toMatchObject(INVALID);
  });
});
