import { beforeEach, describe, expect, test } from 'vitest';
import { VaultError } from '../../../../shared/vault/failure.ts';
import type { LedgerRecord } from '../../../../shared/vault/ledger.ts';
import { createRevocation, type Revocation } from '../../../../shared/vault/revocation.ts';
import { RECORD } from '../../../support/ledger-record.ts';
import { newWork } from '../../../support/work.ts';

const UUID = '019a0000-0000-7000-8000-000000000001';
const NOW = new Date('2026-01-01T00:00:00Z');
const record: LedgerRecord = {
  ...RECORD,
  role: 'rw',
};
const failure = (
  status: number,
  detail: string,
  code: 'vault_rejected' | 'vault_denied' | 'vault_unavailable' | 'vault_timeout',
) => new VaultError(code, 'no', { operation: 'x', status, detail });
const DENIED = failure(403, 'permission denied', 'vault_denied');
const STUCK = failure(400, 'role cannot be dropped', 'vault_rejected');
const AWAY = failure(503, '', 'vault_unavailable');
const INVALID_LEASE = failure(400, 'invalid lease', 'vault_rejected');

/** What Vault says to each step; a step that is not named here fails the test. */
interface Vault {
  readonly revokeLease?: VaultError | 'done';
  /** Steps in this order; the last one is repeated. */
  readonly lookups?: readonly (VaultError | 'there')[];
  readonly remove?: VaultError | 'done';
  readonly revokeToken?: VaultError | 'done';
  /** Sent with the injector's own login. */
  readonly revokeOurselves?: VaultError | 'done';
  /** Given back; absent: slots are not counted. */
  readonly slot?: VaultError | 'done';
}

let calls: string[];
let written: LedgerRecord[];

function answer(call: string, said: VaultError | 'done' | 'there' | undefined): void {
  calls.push(call);
  if (said === undefined) throw new Error(`nobody expected to ${call}`);
  if (said instanceof VaultError) throw said;
}

function start({
  revokeLease,
  lookups = [],
  remove = 'done',
  revokeToken = 'done',
  revokeOurselves,
  slot,
}: Vault): Revocation {
  let looked = 0;
  return createRevocation({
    requests: { send: async () => answer('revoke the lease', revokeLease) },
    session: {
      send: async ({ path }) => {
        if (path === '/sys/leases/revoke') return answer('revoke the lease ourselves', revokeOurselves);
        expect(path).toBe('/sys/leases/lookup');
        answer('look it up', lookups[Math.min(looked, lookups.length - 1)]);
        looked += 1;
      },
    },
    grants: { revoke: async () => answer('revoke the token', revokeToken) },
    ledger: {
      remove: async () => answer('forget', remove),
      write: async (uuid, changed) => {
        expect(uuid).toBe(UUID);
        calls.push('write');
        written.push(changed);
      },
    },
    slots: slot && { release: async () => answer('give the slot back', slot) },
    now: () => NOW,
  });
}

beforeEach(() => {
  calls = [];
  written = [];
});

describe('a grant', () => {
  test('whose token revokes its own lease is gone in three calls', async () => {
    const outcome = await start({ revokeLease: 'done' }).revokeGrant(UUID, record, newWork());
    expect([outcome, calls]).toEqual([
      { state: 'revoked' },
      ['revoke the lease', 'revoke the token', 'forget'],
    ]);
  });

  test('without a lease needs no proof of its end', async () => {
    const outcome = await start({}).revokeGrant(UUID, { ...record, leaseId: '' }, newWork());
    expect([outcome, calls]).toEqual([{ state: 'revoked' }, ['revoke the token', 'forget']]);
  });

  test('whose token may not is proved to be gone; the next one of its role is not tried that way', async () => {
    const revocation = start({ revokeLease: DENIED, lookups: ['there', INVALID_LEASE] });
    const outcomes = [
      await revocation.revokeGrant(UUID, record, newWork()),
      await revocation.revokeGrant(UUID, record, newWork()),
    ];
    expect(outcomes).toEqual([{ state: 'revoked' }, { state: 'revoked' }]);
    expect(calls).toEqual([
      ...['revoke the lease', 'revoke the token', 'look it up', 'look it up', 'forget'],
      ...['revoke the token', 'look it up', 'forget'],
    ]);
  });

  test('whose token is dead already says nothing of its role: the next one is asked as ever', async () => {
    const revocation = start({ revokeLease: DENIED, lookups: [INVALID_LEASE] });
    for (const _ of [1, 2])
      expect(await revocation.revokeGrant(UUID, record, newWork())).toEqual({ state: 'revoked' });
    const each = ['revoke the lease', 'revoke the token', 'look it up', 'forget'];
    expect(calls).toEqual([...each, ...each]);
  });

  test.each<[string, Vault, string]>([
    ['by Vault’s word', { revokeLease: STUCK }, 'role cannot be dropped'],
    [
      'since its lease stays',
      { revokeLease: DENIED, lookups: ['there'] },
      'the lease is still there after its token was revoked',
    ],
  ])('whose user cannot be dropped, %s, is marked, and kept', async (_, vault, reason) => {
    const outcome = await start(vault).revokeGrant(UUID, record, newWork());
    expect(outcome).toEqual({ state: 'pending', reason });
    expect(written).toEqual([{ ...record, revokingSince: NOW.toISOString() }]);
    expect(calls).not.toContain('forget');
  });

  test('that is marked is asked for again, and its mark stays as it is', async () => {
    const marked = { ...record, revokingSince: '2025-01-01T00:00:00.000Z' };
    const vault = { revokeOurselves: DENIED, lookups: ['there'] } as const;
    const outcome = await start(vault).revokeGrant(UUID, marked, newWork());
    expect([outcome.state, written]).toEqual(['pending', []]);
  });

  test('that is marked ends at once where our own policy may revoke its lease', async () => {
    const marked = { ...record, revokingSince: '2025-01-01T00:00:00.000Z' };
    const outcome = await start({ revokeOurselves: 'done' }).revokeGrant(UUID, marked, newWork());
    expect(outcome.state).toBe('revoked');
    expect(calls).toEqual(['revoke the lease ourselves', 'revoke the token', 'forget']);
  });
});

describe('a grant whose database does not answer', () => {
  const LATE = failure(0, '', 'vault_timeout');

  test('loses its token all the same, and is gone once Vault has dropped its lease', async () => {
    const vault = { revokeLease: LATE, lookups: ['there', INVALID_LEASE] } as const;
    const revocation = start(vault);
    expect(await revocation.revokeGrant(UUID, record, newWork())).toEqual({ state: 'revoked' });
    const each = ['revoke the lease', 'revoke the token', 'look it up', 'look it up', 'forget'];
    expect(calls).toEqual(each);
    // The next one of its role is not tried, those of another role are: that it was late says nothing of their policies.
    await revocation.revokeGrant(UUID, record, newWork());
    expect(calls.filter((call) => call === 'revoke the lease')).toHaveLength(1);
    await revocation.revokeGrant(UUID, { ...record, leaseId: 'db/creds/other/1' }, newWork());
    expect(calls.filter((call) => call === 'revoke the lease')).toHaveLength(2);
  });

  test('is marked, and kept, where Vault has not', async () => {
    const outcome = await start({ revokeLease: LATE, lookups: ['there'] }).revokeGrant(
      UUID,
      record,
      newWork(),
    );
    expect(outcome.state).toBe('pending');
    expect(written).toEqual([{ ...record, revokingSince: NOW.toISOString() }]);
    expect(calls).toContain('revoke the token');
  });
});

describe('a grant whose token Vault does not end while its database does not answer', () => {
  const LATE = failure(0, '', 'vault_timeout');

  test('is marked, and kept: the next attempt goes on with it', async () => {
    const revocation = start({ revokeLease: LATE, revokeToken: LATE });
    const outcome = await revocation.revokeGrant(UUID, record, newWork());
    expect(outcome).toEqual({ state: 'pending', reason: expect.stringContaining('has not ended its token') });
    expect(calls).toEqual(['revoke the lease', 'revoke the token', 'write']);
    expect(written).toEqual([{ ...record, revokingSince: NOW.toISOString() }]);
  });

  test('is no excuse where the database does', async () => {
    const revocation = start({ revokeLease: 'done', revokeToken: LATE });
    await expect(revocation.revokeGrant(UUID, record, newWork())).rejects.toBe(LATE);
    expect(written).toEqual([]);
  });
});

describe('a grant of which something else is left to do', () => {
  test('ends, and its record is marked and kept until that is done', async () => {
    const revocation = start({ revokeLease: 'done', revokeOurselves: 'done' });
    const outcome = await revocation.revokeGrant(UUID, record, newWork(), 'its Secret is there');
    expect(outcome).toEqual({ state: 'pending', reason: 'its Secret is there' });
    expect(calls).toEqual(['revoke the lease', 'revoke the token', 'write']);
    const [marked = record] = written;
    expect(marked.revokingSince).toBe(NOW.toISOString());
    expect(await revocation.revokeGrant(UUID, marked, newWork())).toEqual({ state: 'revoked' });
  });
});

describe('a grant whose token is known by its accessor', () => {
  const byAccessor = { ...record, token: { accessor: 'names-it' } };

  test('is gone in three calls, of which our own login makes each', async () => {
    const outcome = await start({ revokeOurselves: 'done' }).revokeGrant(UUID, byAccessor, newWork());
    expect([outcome, calls]).toEqual([
      { state: 'revoked' },
      ['revoke the lease ourselves', 'revoke the token', 'forget'],
    ]);
  });

  test('is proved to be gone where our policy may not revoke its lease, which is tried once', async () => {
    const revocation = start({ revokeOurselves: DENIED, lookups: ['there', INVALID_LEASE] });
    for (const _ of [1, 2])
      expect(await revocation.revokeGrant(UUID, byAccessor, newWork())).toEqual({ state: 'revoked' });
    expect(calls).toEqual([
      ...['revoke the lease ourselves', 'revoke the token', 'look it up', 'look it up', 'forget'],
      ...['revoke the token', 'look it up', 'forget'],
    ]);
  });

  test('says nothing of what others, with their own tokens, may', async () => {
    const revocation = start({
      revokeOurselves: DENIED,
      revokeLease: 'done',
      lookups: ['there', INVALID_LEASE],
    });
    await revocation.revokeGrant(UUID, byAccessor, newWork());
    calls = [];
    await revocation.revokeGrant(UUID, record, newWork());
    expect(calls).toEqual(['revoke the lease', 'revoke the token', 'forget']);
  });

  test('whose user cannot be dropped is marked, and still knows its accessor', async () => {
    const outcome = await start({ revokeOurselves: STUCK }).revokeGrant(UUID, byAccessor, newWork());
    expect(outcome).toEqual({ state: 'pending', reason: 'role cannot be dropped' });
    expect(written).toEqual([{ ...byAccessor, revokingSince: NOW.toISOString() }]);
  });
});

test('a grant of which neither lease nor token is known is not called revoked: nothing was done', async () => {
  const nothing = {
    ...record,
    leaseId: '',
    token: { accessor: '' },
    revokingSince: '2025-01-01T00:00:00.000Z',
  };
  const outcome = await start({}).revokeGrant(UUID, nothing, newWork());
  expect(outcome).toEqual({
    state: 'pending',
    reason: expect.stringContaining('neither its lease nor its token is known'),
  });
  expect(calls).toEqual([]);
});

describe('where slots are counted', () => {
  const withSlot = { ...record, mount: 'db' };

  test('a grant gives its slot back before its record goes', async () => {
    await start({ revokeLease: 'done', slot: 'done' }).revokeGrant(UUID, withSlot, newWork());
    expect(calls).toEqual(['revoke the lease', 'revoke the token', 'give the slot back', 'forget']);
  });

  test('and keeps its record where it could not: the next attempt gives it back', async () => {
    const revocation = start({ revokeLease: 'done', slot: AWAY });
    await expect(revocation.revokeGrant(UUID, withSlot, newWork())).rejects.toBe(AWAY);
    expect(calls).not.toContain('forget');
  });

  test('one of the reference, which names no role, has it by its lease', async () => {
    await start({ revokeLease: 'done', slot: 'done' }).revokeGrant(
      UUID,
      { ...record, role: undefined },
      newWork(),
    );
    expect(calls).toContain('give the slot back');
  });

  test('one without a lease has none', async () => {
    await start({ slot: 'done' }).revokeGrant(UUID, { ...record, leaseId: '' }, newWork());
    expect(calls).not.toContain('give the slot back');
  });
});

test.each<[string, Vault]>([
  ['revoking the lease', { revokeLease: AWAY }],
  ['looking it up', { revokeLease: DENIED, lookups: [AWAY] }],
  ['deleting the record', { revokeLease: 'done', remove: AWAY }],
])(
  'Vault away while %s: an error that is worth another try, and the record stands as it did',
  async (_, vault) => {
    await expect(start(vault).revokeGrant(UUID, record, newWork())).rejects.toBe(AWAY);
    expect(written).toEqual([]);
  },
);
