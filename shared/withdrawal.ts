/**
 * The end of a grant whose credentials stand in a Secret: the Secret goes first, then token, lease and record, so that
 * whatever fails in between is found again by the record.
 */
import type { PodSecrets } from './kubernetes/secrets.ts';
import type { Revocation } from './vault/revocation.ts';

/** @returns the same revocation, which takes the pod's Secret with it. */
export function withSecrets(revocation: Revocation, secrets: Pick<PodSecrets, 'remove'>): Revocation {
  return {
    async revokeGrant(uuid, record, work) {
      const { namespace, secretName } = record;
      if (secretName) await secrets.remove(namespace, secretName, work.deadline);
      return revocation.revokeGrant(uuid, record, work);
    },
  };
}
