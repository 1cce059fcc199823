/**
 * The end of a grant whose credentials stand in a Secret: the Secret goes first, then token, lease and record, so that
 * whatever fails in between is found again by the record.
 */
import { asInjectorError } from './errors.ts';
import type { PodSecrets } from './kubernetes/secrets.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Revocation } from './vault/revocation.ts';

/** @returns the same revocation, which takes the pod's Secret with it. */
export function withSecrets(
  revocation: Revocation,
  secrets: Pick<PodSecrets, 'remove'>,
  log: Pick<Logger, 'warn'>,
): Revocation {
  return {
    async revokeGrant(uuid, record, work) {
      const { namespace, secretName } = record;
      if (secretName)
        await secrets.remove(namespace, secretName, work.deadline).catch((thrown: unknown) => {
          const error = asInjectorError(thrown);
          if (error.retryable) throw error;
          // Whoever may change Secrets in the namespace could have made it somebody else's: no reason to let the grant live.
          log.warn(`the Secret ${secretName} cannot be deleted, and stays: ${error.message}`, {
            uuid,
            namespace,
          });
        });
      return revocation.revokeGrant(uuid, record, work);
    },
  };
}
