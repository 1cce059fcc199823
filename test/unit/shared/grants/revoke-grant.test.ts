import { describe, expect, test } from 'vitest';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { createRevokeGrant } from '../../../../shared/grants/revoke-grant.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { VaultError } from '../../../../shared/vault/failure.ts';
import type { RevocationOutcome } from '../../../../shared/vault/revocation.ts';
import { createKeptLog } from '../../../support/kept-log.ts';
import { RECORD } from '../../../support/ledger-record.ts';

const UUID = '019a0000-0000-7000-8000-000000000001';
const REQUEST = '019a0000-0000-7000-8000-00000000000f';
const record = { ...RECORD, role: 'rw', database: 'orders' };
const about = { uuid: UUID, namespace: 'team', pod: 'web-0', mount: 'db', requestUid: REQUEST };

async function revoke(outcome: RevocationOutcome | Error, pod?: string) {
  const metrics = createMetrics({ process: 'revocation', uuidLabel: false });
  const { log, lines } = createKeptLog();
  let now = 0;
  const revocation = {
    revokeGrant: async () => {
      now += 25;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
  const revokeGrant = createRevokeGrant({ revocation, metrics, log, clock: () => now });
  const work = { deadline: deadlineIn(1_000, () => 0), vaultCalls: 3, correlationId: REQUEST };
  const state = await revokeGrant({ uuid: UUID, record, ...(pod !== undefined && { pod }) }, work).catch(
    (error: unknown) => error,
  );
  const { text } = await metrics.expose();
  const counted = [...text.matchAll(/^vault_injector_(\w+)\{namespace="team"\} 1$/gm)].map(
    ([, name]) => name,
  );
  return { state, counted, lines };
}

describe('a grant', () => {
  test('that has ended is counted and logged', async () => {
    const { state, counted, lines } = await revoke({ state: 'revoked' });
    expect([state, counted]).toEqual([
      'revoked',
      ['revoke_token_count_success', 'delete_data_count_success'],
    ]);
    const costs = { database: 'orders', role: 'rw', vaultCalls: 3, durationMs: 25 };
    expect(lines).toEqual([{ level: 'info', message: 'grant revoked', ...about, ...costs }]);
  });

  test('whose user cannot be dropped yet keeps its record, which is said', async () => {
    const { state, counted, lines } = await revoke({ state: 'pending', reason: 'it owns a table' });
    expect([state, counted]).toEqual(['pending', ['revoke_token_count_success']]);
    const message = 'a revoked grant cannot be dropped yet: it owns a table';
    expect(lines).toEqual([{ level: 'warn', message, ...about }]);
  });

  test('that cannot be revoked is counted, and the failure left to the caller', async () => {
    const away = new VaultError('vault_unavailable', 'away', { operation: 'revoke a token' });
    expect(await revoke(away)).toEqual({ state: away, counted: ['revoke_token_count_error'], lines: [] });
  });

  test("is logged with its pod's name, if that is known better than from the record", async () => {
    const { lines } = await revoke({ state: 'revoked' }, 'web-of-the-event');
    expect(lines).toMatchObject([{ pod: 'web-of-the-event' }]);
  });
});
