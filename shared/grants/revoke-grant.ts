/** Revokes a grant, counts what came of it and logs it: the same for an event, a sweep and an uninstallation. */
import type { Clock } from '../deadline.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LedgerRecord } from '../vault/ledger.ts';
import type { Work } from '../vault/requests.ts';
import type { Revocation, RevocationOutcome } from '../vault/revocation.ts';
import { mountOf } from '../vault/slots.ts';

interface GrantToRevoke {
  readonly uuid: string;
  readonly record: LedgerRecord;
  /** The pod's name, if it is known although the record of a pod with generateName does not contain it. */
  readonly pod?: string;
}

/** @throws VaultError; the failure is counted, the caller logs it. */
export type RevokeGrant = (grant: GrantToRevoke, work: Work) => Promise<RevocationOutcome['state']>;

interface RevokeGrantDependencies {
  readonly revocation: Revocation;
  readonly metrics: Pick<Metrics, 'count'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Clock;
}

/** @param message of the log line for a grant that has ended. */
export function createRevokeGrant(
  { revocation, metrics, log, clock }: RevokeGrantDependencies,
  message = 'grant revoked',
): RevokeGrant {
  return async ({ uuid, record, pod = record.podName }, work) => {
    const { namespace, database, role } = record;
    const { correlationId: requestUid, traceId } = work;
    const labels = { uuid, namespace };
    const facts = { uuid, namespace, pod, mount: mountOf(record), requestUid, traceId };
    const startedAt = clock();
    const outcome = await revocation.revokeGrant(uuid, record, work).catch((error: unknown) => {
      metrics.count('revoke_token_count_error', labels);
      throw error;
    });
    metrics.count('revoke_token_count_success', labels);
    if (outcome.state === 'pending') {
      log.warn(`a revoked grant cannot be dropped yet: ${outcome.reason}`, facts);
      return 'pending';
    }
    metrics.count('delete_data_count_success', labels);
    const durationMs = Math.round(clock() - startedAt);
    log.info(message, { ...facts, database, role, vaultCalls: work.vaultCalls, durationMs });
    return 'revoked';
  };
}
