import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { Sweep } from './context.ts';
import { emitEvent } from './pod-events.ts';

const OWNER_WITHIN_MS = 3_000;

/**
 * Makes the pod the owner of its Secret, once in a grant's life: then Kubernetes, too, deletes the Secret with its
 * pod. A failure harms no credential, and the next sweep tries again.
 */
export async function setSecretOwner(
  uuid: string,
  state: GrantState,
  pod: LivePod,
  sweep: Sweep,
): Promise<GrantState> {
  const { secrets, work, log } = sweep;
  const facts = { uuid, namespace: pod.namespace, pod: pod.name };
  // Renewals wait for it, so it gets little time.
  using deadline = deadlineIn(OWNER_WITHIN_MS, monotonicClock, work.deadline.signal);
  try {
    if (!(await secrets.setOwner(state.secretToOwn, pod, deadline))) {
      log.warn(`the Secret ${state.secretToOwn} of a live pod is gone: the pod cannot restart`, facts);
      await emitEvent(
        pod,
        'SecretGone',
        `The Secret ${state.secretToOwn} with this pod's database credentials (grant ${uuid}) is gone: its containers cannot be restarted, the pod has to be replaced`,
        sweep,
      );
    }
    return { ...state, secretToOwn: '' };
  } catch (error) {
    log.error(`the pod could not be made the owner of its Secret ${state.secretToOwn}`, error, facts);
    return state;
  }
}
