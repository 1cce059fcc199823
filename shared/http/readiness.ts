/**
 * Ready is who can answer. Where Vault is away that is a denial with its reason; an instance that did not count as ready
 * would leave whoever asks waiting for the timeout, and Knative would give the revision up in the end. Only where Vault
 * refuses the login nothing is ready, so that a faulty revision gets no traffic.
 */
import { type Clock, deadlineIn } from '../deadline.ts';
import { asInjectorError, type InjectorError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Session } from '../vault/session.ts';

interface ReadinessParts {
  readonly session: Pick<Session, 'ready'>;
  readonly log: Logger;
  readonly clock: Clock;
}

// Knative's queue-proxy waits 100 ms for a probe while an instance starts, and asks again and again.
const READY_WITHIN_MS = 80;
// So long the first login may take before silence counts as Vault being away.
const FIRST_LOGIN_MS = 1_000;
// Probes come every few milliseconds; Vault is not asked to log in as often.
const REFUSED_FOR_MS = 1_000;

export function createReadiness({ session, log, clock }: ReadinessParts): () => Promise<boolean> {
  const startedAt = clock();
  let refusedAt = Number.NEGATIVE_INFINITY;

  function judge(error: InjectorError): boolean {
    const nothingKnown = error.code === 'vault_timeout' && clock() - startedAt < FIRST_LOGIN_MS;
    if (nothingKnown) return false;
    if (error.retryable) return true;
    refusedAt = clock();
    // Not in the answer: whoever reaches the gateway may ask.
    log.warn(`not ready: ${error.message}`, { outcome: error.code });
    return false;
  }

  return async () => {
    if (clock() - refusedAt < REFUSED_FOR_MS) return false;
    const deadline = deadlineIn(READY_WITHIN_MS, clock);
    try {
      await session.ready(deadline);
      return true;
    } catch (thrown) {
      return judge(asInjectorError(thrown));
    } finally {
      deadline.release();
    }
  };
}
