/**
 * The end of a grant whose credentials stand in a Secret: the Secret goes first, then token, lease and record, so that
 * whatever fails in between is found again by the record.
 */
import { validate, version } from 'uuid';
import { asInjectorError, type InjectorError } from './errors.ts';
import type { PodSecrets } from './kubernetes/secrets.ts';
import { secretNameOf } from './pod/secret-name.ts';
import type { Logger } from './telemetry/logger.ts';
import type { LedgerRecord } from './vault/ledger.ts';
import type { Work } from './vault/requests.ts';
import type { Revocation } from './vault/revocation.ts';

/** What a ValidatingAdmissionPolicy says no to is not ours any more: whoever may change Secrets there has changed it. */
const BY_POLICY = /admission ?policy|denied request/i;

/** A role that is not bound yet, or not any more. */
const mayBeAllowedLater = ({ code, message }: InjectorError) =>
  code === 'kubernetes_denied' && !BY_POLICY.test(message);

/** @returns the same revocation, which takes the pod's Secret with it. */
export function withSecrets(
  revocation: Revocation,
  secrets: Pick<PodSecrets, 'remove'>,
  log: Pick<Logger, 'warn'>,
): Revocation {
  /** @returns what the record has to be kept for: nobody may list Secrets, so it alone knows of this one. */
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
    // No reason to let the grant live.
    log.warn(`${what}, and stays: ${error.message}`, { uuid, namespace, pod: record.podName });
    return undefined;
  }

  return {
    revokeGrant: async (uuid, record, work) =>
      revocation.revokeGrant(uuid, record, work, await remove(uuid, record, work)),
  };
}

/**
 * The reference injector writes the records that it renews anew, with its own six fields: of one of ours, which its uuid
 * tells, whether there was a Secret is not known any more. (Of a pod's grants the first one names it.)
 */
function secretOfRewritten(uuid: string, { role }: LedgerRecord): string {
  return role === undefined && validate(uuid) && version(uuid) === 7 ? secretNameOf(uuid) : '';
}
