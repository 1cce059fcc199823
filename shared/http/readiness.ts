/**
 * Ready means "can answer", not "Vault is up": with Vault away we answer with a denial and its reason. An instance
 * that is not ready would leave callers waiting for the timeout, and Knative would give up the revision in the end.
 * Only if Vault refuses the login is the instance not ready, so that a faulty revision gets no traffic.
 */
import { type Clock, deadlineIn } from '../deadline.ts';
import { asInjectorError, type InjectorError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Session } from '../vault/session.ts';

interface ReadinessDependencies {
  readonly session: Pick<Session, 'ready'>;
  readonly log: Logger;
  readonly clock: Clock;
}

// Knative's queue-proxy gives a probe 100 ms while an instance starts, and repeats it.
const READY_WITHIN_MS = 80;
// How long the first login may take before silence counts as Vault being away.
const FIRST_LOGIN_MS = 1_000;
// Probes come every few milliseconds; Vault is not asked that often.
const REFUSED_FOR_MS = 1_000;

export function createReadiness({ session, log, clock }: ReadinessDependencies): () => Promise<boolean> {
  const startedAt = clock();
  let refusedAt = Number.NEGATIVE_INFINITY;

  function judge(error: InjectorError): boolean {
    const nothingKnown = error.code === 'vault_timeout' && clock() - startedAt < FIRST_LOGIN_MS;
    if (nothingKnown) return false;
    if (error.retryable) return true;
    refusedAt = clock();
    // Logged, not answered: anyone who reaches the gateway may ask.
    log.warn(`not ready: ${error.message}`, { outcome: error.code });
    return false;
  }

  return async () => {
    if (clock() - refusedAt < REFUSED_FOR_MS) return false;
    using deadline = deadlineIn(READY_WITHIN_MS, clock);
    try {
      await session.ready(deadline);
      return true;
    } catch (thrown) {
      return judge(asInjectorError(thrown));
    }
  };
}
