/**
 * Ends a grant whose credentials are in a Secret: the Secret goes first, then token, lease and record, so that the
 * record lets the next attempt find whatever failed in between.
 */
import { validate, version } from 'uuid';
import { asInjectorError, type InjectorError } from '../errors.ts';
import type { PodSecrets } from '../kubernetes/secrets.ts';
import { secretNameOf } from '../pod/secret-name.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LedgerRecord } from '../vault/ledger.ts';
import type { Work } from '../vault/requests.ts';
import type { Revocation } from '../vault/revocation.ts';

/** The ValidatingAdmissionPolicy refuses a Secret that is no longer ours: somebody with write access has changed it. */
const BY_POLICY = /admission ?policy|denied request/i;

/** A role that is not bound yet, or no longer. */
const mayBeAllowedLater = ({ code, message }: InjectorError) =>
  code === 'kubernetes_denied' && !BY_POLICY.test(message);

/** @returns the same revocation, which also deletes the pod's Secret. */
export function withSecretDeletion(
  revocation: Revocation,
  secrets: Pick<PodSecrets, 'remove'>,
  log: Pick<Logger, 'warn'>,
): Revocation {
  /** @returns what the record has to be kept for: nobody may list Secrets, so only the record knows of this one. */
  async function remove(uuid: string, record: LedgerRecord, work: Work): Promise<string | undefined> {
    const { namespace, secretName = secretOfRewritten(uuid, record) } = record;
    if (secretName === '') return undefined;
    const thrown = await secrets
      .remove(namespace, secretName, work.deadline)
      .catch((error: unknown) => error);
    if (thrown === undefined) return undefined;
    const error = asInjectorError(thrown);
    if (error.retryable) throw error;
    if (record.secretName === undefined) return undefined;
    const what = `the Secret ${secretName} cannot be deleted`;
    if (mayBeAllowedLater(error)) return `${what}: ${error.message}`;
    // A failure here is no reason to keep the grant alive.
    log.warn(`${what}, and stays: ${error.message}`, { uuid, namespace, pod: record.podName });
    return undefined;
  }

  return {
    revokeGrant: async (uuid, record, work) =>
      revocation.revokeGrant(uuid, record, work, await remove(uuid, record, work)),
  };
}

/**
 * The reference injector rewrites the records that it renews, with its own six fields only: for one of ours,
 * recognized by its uuid, the Secret is then unknown. (The first of a pod's grants names it.)
 */
function secretOfRewritten(uuid: string, { role }: LedgerRecord): string {
  return role === undefined && validate(uuid) && version(uuid) === 7 ? secretNameOf(uuid) : '';
}
