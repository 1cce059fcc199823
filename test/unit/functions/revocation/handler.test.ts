import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRevoke, type RevocationDependencies } from '../../../../functions/revocation/handler.ts';
import { ERROR_CATALOGUE, type ErrorCode, InjectorError } from '../../../../shared/errors.ts';
import type { DeletedPod } from '../../../../shared/events/deleted-pod.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import type { LedgerRecord } from '../../../../shared/vault/ledger.ts';
import type { Revocation } from '../../../../shared/vault/revocation.ts';
import { RECORD, storedAs } from '../../../support/ledger-record.ts';
import { newWork } from '../../../support/work.ts';
import { tableIn } from '../../docs/markdown-table.ts';

type RevocationOutcome = Awaited<ReturnType<Revocation['revokeGrant']>>;
const UUID = '019a0000-0000-7000-8000-000000000001';
const OTHER = '019a0000-0000-7000-8000-000000000002';
const pod: DeletedPod = { namespace: 'team', name: 'web-0', uuids: [UUID] };
const record = RECORD;

interface World {
  /** Uuids of the current pod of that name; absent if there is no such pod. */
  readonly live?: readonly string[];
  /** What other live pods of the namespace name. */
  readonly others?: readonly string[];
  readonly records?: Readonly<Record<string, LedgerRecord>>;
  readonly outcome?: () => Promise<RevocationOutcome>;
  readonly clusterId?: string;
  /** Events of two pods name the grant. */
  readonly readTwice?: boolean;
}

/** Fakes that fail on what nobody expected: a second read or revocation of the same grant, another pod. */
function start({ live, others = [], records = {}, outcome, clusterId, readTwice = false }: World) {
  const calls: string[] = [];
  const warnings: string[] = [];
  const errors: unknown[] = [];
  const once = (call: string) => {
    if (calls.includes(call)) throw new Error(`a second ${call}`);
    calls.push(call);
  };
  const metrics = createMetrics({ process: 'revocation', uuidLabel: false });
  const parts: RevocationDependencies = {
    pods: {
      get: async (namespace, name) => {
        if ((namespace !== 'team' && !readTwice) || name !== 'web-0')
          throw new Error(`nobody asked for ${namespace}/${name}`);
        return live && { namespace, name, uid: 'uid', uuids: live };
      },
    },
    namespaceClaims: async (namespace) => [{ namespace, name: 'web-1', uid: 'other', uuids: others }],
    ledger: {
      read: async (uuid) => {
        if (!readTwice) once(`read ${uuid}`);
        const found = records[uuid];
        return found && storedAs(found);
      },
    },
    revocation: {
      revokeGrant: async (uuid, found) => {
        once(`revoke ${uuid}`);
        expect(found).toBe(records[uuid]);
        return outcome ? outcome() : { state: 'revoked' };
      },
    },
    clock: () => 0,
    metrics,
    log: {
      debug: () => {},
      info: () => {},
      warn: (message) => void warnings.push(message),
      sweep: () => expect.unreachable(),
      denied: () => expect.unreachable(),
      error: (_message, thrown, fields) =>
        void errors.push(thrown instanceof InjectorError ? { ...thrown.subject, ...fields } : fields),
    },
    clusterId,
  };
  const revoke = createRevoke(parts);
  const counted = async () => (await metrics.expose()).text;
  return {
    calls,
    warnings,
    errors,
    counted,
    revoke: (deleted: DeletedPod = pod) => revoke(deleted, newWork()),
  };
}

describe('a deleted pod', () => {
  test("is gone: its grant is revoked, and nobody else's", async () => {
    const { revoke, calls } = start({ records: { [UUID]: record } });
    expect(await revoke()).toEqual(['revoked']);
    expect(calls).toEqual([`read ${UUID}`, `revoke ${UUID}`]);
  });

  test('has a successor of the same name with grants of its own: only the old one is revoked', async () => {
    const { revoke } = start({ live: [OTHER], records: { [UUID]: record } });
    expect(await revoke()).toEqual(['revoked']);
  });

  test('lives: nothing is revoked', async () => {
    const { revoke, calls } = start({ live: [UUID], records: { [UUID]: record } });
    expect([await revoke(), calls]).toEqual([['alive'], [`read ${UUID}`]]);
  });

  test('without grants: nobody is asked', async () => {
    const { revoke, calls } = start({});
    expect([await revoke({ ...pod, uuids: [] }), calls]).toEqual([[], []]);
  });

  test.each<[string, Partial<LedgerRecord>, string]>([
    ['another namespace', { namespace: 'others' }, "the grant is another namespace's"],
    ['another pod', { podName: 'web-1' }, "the grant is another pod's"],
    ['another cluster', { clusterId: 'theirs' }, "the grant is another cluster's"],
  ])('that names a grant of %s: refused', async (_, difference, reason) => {
    const { revoke, calls, warnings } = start({
      records: { [UUID]: { ...record, ...difference } },
      clusterId: 'ours',
    });
    expect([await revoke(), calls]).toEqual([['refused'], [`read ${UUID}`]]);
    expect(warnings).toEqual([`security: a delete event is refused: ${reason}`]);
  });

  test.each<[string, Partial<LedgerRecord>]>([
    ['of a generateName', { podName: '' }],
    ["of this cluster's name", { clusterId: 'ours' }],
  ])('with a record %s: revoked', async (_, difference) => {
    const { revoke } = start({ records: { [UUID]: { ...record, ...difference } }, clusterId: 'ours' });
    expect(await revoke()).toEqual(['revoked']);
  });

  test('whose user cannot be dropped yet: said, and left to the sweep', async () => {
    const { revoke, warnings } = start({
      records: { [UUID]: record },
      outcome: async () => ({ state: 'pending', reason: 'it owns a table' }),
    });
    expect(await revoke()).toEqual(['pending']);
    expect(warnings).toEqual(['a revoked grant cannot be dropped yet: it owns a table']);
  });
});

describe('events of one grant', () => {
  test('at the same moment: the work is done once, and all get its outcome', async () => {
    const { promise, resolve } = Promise.withResolvers<RevocationOutcome>();
    const { revoke } = start({ records: { [UUID]: record }, outcome: () => promise });
    const all = Promise.all([revoke(), revoke(), revoke()]);
    resolve({ state: 'revoked' });
    expect(await all).toEqual([['revoked'], ['revoked'], ['revoked']]);
  });

  test('at the same moment as one that is forged: the refusal is that one’s own', async () => {
    const { revoke } = start({ records: { [UUID]: record }, readTwice: true });
    const forged = { ...pod, namespace: 'hostile' };
    expect(await Promise.all([revoke(forged), revoke()])).toEqual([['refused'], ['revoked']]);
  });

  test('of which the work fails: all are told, and the next one begins anew', async () => {
    const failure = new InjectorError('vault_unavailable', 'Vault is away');
    const { revoke } = start({ records: { [UUID]: record }, outcome: () => Promise.reject(failure) });
    const outcomes = await Promise.allSettled([revoke(), revoke()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    // It reads the record a second time, which the fake does not know of.
    expect(await revoke()).toEqual(['left_to_sweep']);
  });
});

describe('a grant that cannot be revoked', () => {
  const failing = (code: ErrorCode) => () => Promise.reject(new InjectorError(code, 'no'));
  const codes = Object.keys(ERROR_CATALOGUE).filter((name): name is ErrorCode => name in ERROR_CATALOGUE);
  const whose = (what: 'again' | 'sweep') =>
    codes.filter((code) => ERROR_CATALOGUE[code].retryable === (what === 'again'));

  test.each(whose('again'))('for %s: tried again', async (code) => {
    const outcome = failing(code);
    const { revoke, errors } = start({ records: { [UUID]: record }, outcome });
    const subject = { uuid: UUID, namespace: 'team', pod: 'web-0', mount: 'db' };
    await expect(revoke()).rejects.toMatchObject({ code, subject });
    expect(errors).toEqual([]);
  });

  test.each(whose('sweep'))('for %s: left to the sweep', async (code) => {
    const outcome = failing(code);
    const { revoke, errors } = start({ records: { [UUID]: record }, outcome });
    expect(await revoke()).toEqual(['left_to_sweep']);
    expect(errors).toEqual([
      expect.objectContaining({
        uuid: UUID,
        namespace: 'team',
        pod: 'web-0',
        mount: 'db',
        outcome: 'left_to_sweep',
      }),
    ]);
  });

  test('for a reason that nobody knows: left to the sweep', async () => {
    const outcome = () => Promise.reject(new TypeError('x is not a function'));
    const { revoke } = start({ records: { [UUID]: record }, outcome });
    expect(await revoke()).toEqual(['left_to_sweep']);
  });

  test('beside another one: each is named, the first by the answer, the others by lines of their own', async () => {
    const outcome = failing('vault_timeout');
    const { revoke, errors } = start({ records: { [UUID]: record, [OTHER]: record }, outcome });
    const deleted = { ...pod, uuids: [UUID, OTHER] };
    await expect(revoke(deleted)).rejects.toMatchObject({ subject: { uuid: UUID } });
    expect(errors).toEqual([expect.objectContaining({ uuid: OTHER, pod: 'web-0', mount: 'db' })]);
  });

  test('beside one that can: that one is gone, and counted, whatever becomes of the event', async () => {
    let turn = 0;
    const outcome = async () => {
      turn += 1;
      if (turn === 1) throw new InjectorError('vault_timeout', 'late');
      return { state: 'revoked' as const };
    };
    const { revoke, counted } = start({ records: { [UUID]: record, [OTHER]: record }, outcome });
    await expect(revoke({ ...pod, uuids: [UUID, OTHER] })).rejects.toMatchObject({ code: 'vault_timeout' });
    expect(await counted()).toContain('deletion_events_total{outcome="revoked"} 1');
  });
});

describe('docs/renewal.md', () => {
  const rows = tableIn(readFileSync('docs/renewal.md', 'utf8'), ['error', 'outcome of the event']);

  test('says of each error what becomes of the event', () => {
    const said = rows.flatMap(([codes = '', what = '']) =>
      (codes.match(/\w+/g) ?? []).map((code) => [code, what.startsWith('503') ? 'again' : 'sweep']),
    );
    const own = Object.fromEntries(said);
    // Those of other processes are not met here.
    const expected = Object.entries(ERROR_CATALOGUE)
      .filter(([code]) => /^(?:vault|kubernetes|record|internal)/.test(code))
      .map(([code, { retryable }]) => [code, retryable ? 'again' : 'sweep']);
    expect(own).toEqual(Object.fromEntries(expected));
  });
});

test('of several grants each is seen to by itself', async () => {
  const records = { [OTHER]: record };
  const { revoke, calls } = start({ records });
  expect(await revoke({ ...pod, uuids: ['no-uuid', OTHER, UUID] })).toEqual([
    'refused',
    'revoked',
    'no_record',
  ]);
  expect(calls).toEqual([`read ${OTHER}`, `read ${UUID}`, `revoke ${OTHER}`]);
});

describe('a deleted pod that names the grant of a sibling', () => {
  const generated = { ...record, podName: '' };

  test('is refused while the sibling lives, though its record names no pod', async () => {
    const { calls, warnings, revoke } = start({ records: { [UUID]: generated }, others: [UUID] });
    expect(await revoke()).toEqual(['refused']);
    expect(calls).toEqual([`read ${UUID}`]);
    expect(warnings).toEqual(['security: a delete event is refused: a live pod holds the grant']);
  });

  test('has its own grant revoked, whatever its siblings have', async () => {
    const { revoke } = start({
      records: { [UUID]: generated },
      others: [OTHER],
    });
    expect(await revoke()).toEqual(['revoked']);
  });
});
