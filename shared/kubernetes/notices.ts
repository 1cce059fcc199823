/** What a pod's owner gets to see: an Event on the pod, or its eviction. */
import { createHash } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';
import type { LivePod } from './pods.ts';

/** `reason` as in an Event: one word for machines. */
type NoticeReason =
  | 'NoCredentials'
  | 'UnknownGrant'
  | 'GrantLost'
  | 'LeaseEnding'
  | 'LeaseTooShort'
  | 'SecretGone'
  | 'RecordLost'
  | 'RenewalRefused';

export interface Notices {
  /** Created once as long as the API server keeps Events (usually an hour). */
  emit(pod: LivePod, reason: NoticeReason, message: string, deadline: Deadline): Promise<void>;
  /**
   * Uses the eviction API, so that PodDisruptionBudgets hold; evicts this pod only, never its successor.
   *
   * @returns whether it was accepted; `false` if a budget does not allow it now.
   */
  evict(pod: LivePod, deadline: Deadline): Promise<boolean>;
}

export function createNotices(api: KubernetesApi, now: () => Date): Notices {
  return {
    async emit(pod, reason, message, deadline) {
      const { namespace, name, uid } = pod;
      const digest = createHash('sha256').update(`${uid} ${reason} ${message}`).digest('hex').slice(0, 16);
      const time = now().toISOString();
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        // The same news gets the same name, so that the API server refuses duplicates.
        metadata: { namespace, name: `${name.slice(0, 200)}.${digest}` },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
        reason,
        message,
        type: 'Warning',
        source: { component: 'vault-db-injector' },
        reportingComponent: 'vault-db-injector',
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      };
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
      await api.send({ method: 'POST', path, body, deadline }).catch((error: unknown) => {
        if (!(error instanceof KubernetesError && error.status === 409)) throw error;
      });
    },

    async evict({ namespace, name, uid }, deadline) {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`;
      const body = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { namespace, name },
        deleteOptions: { preconditions: { uid } },
      };
      try {
        await api.send({ method: 'POST', path, body, deadline });
        return true;
      } catch (error) {
        // 404 and 409: the pod is already gone, or the name belongs to another pod now.
        if (error instanceof KubernetesError && [404, 409].includes(error.status)) return true;
        if (error instanceof KubernetesError && error.status === 429) return false;
        throw error;
      }
    },
  };
}
