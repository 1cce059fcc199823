/** Whether a pod, in its current state, should get a secret_id now. */
import { LRUCache } from 'lru-cache';
import type { Deadline } from '../../shared/deadline.ts';
import type { PodName } from '../../shared/events/changed-pod.ts';
import type { ReadRunningPod, RunningPod } from '../../shared/kubernetes/init-containers.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { CheckAddress } from './address.ts';
import { type AppRoleRequest, appRoleRequestOf, type Rules, refusalOf } from './request.ts';

/** A run of an init container that should get a secret_id. */
export interface Due {
  readonly run: string;
  readonly role: string;
  readonly address: string;
  readonly pod: PodName & Pick<RunningPod, 'serviceAccount'>;
}

/** Nothing to do: not yet (the kubelet's next update is another event), not any more, or not at all. */
export type NotDue = 'waiting' | 'ended' | 'ignored' | 'refused';
export type Judge = (pod: PodName, deadline: Deadline) => Promise<Due | NotDue>;

export interface JudgeDependencies {
  readonly readPod: ReadRunningPod;
  readonly checkAddress: CheckAddress;
  readonly rules: Rules;
  readonly log: Logger;
}

const MOST_REFUSALS = 10_000;

export function createJudge({ readPod, checkAddress, rules, log }: JudgeDependencies): Judge {
  const refused = new LRUCache<string, true>({ max: MOST_REFUSALS });

  function refuse(
    { uid, namespace, name, serviceAccount }: RunningPod,
    { role }: AppRoleRequest,
    reason: string,
  ) {
    const refusal = JSON.stringify([uid, reason]);
    // Logged once: every event of the pod would repeat it.
    if (!refused.has(refusal))
      log.warn(`security: a pod gets no secret_id: ${reason}`, {
        namespace,
        pod: name,
        serviceAccount,
        role,
      });
    refused.set(refusal, true);
    return 'refused' as const;
  }

  function judge(pod: RunningPod, request: AppRoleRequest): Due | NotDue {
    const reason = refusalOf(request, pod, rules);
    if (reason !== undefined) return refuse(pod, request, reason);
    const container = pod.initContainers.get(request.initContainer);
    if (container?.state !== 'running') return container?.state ?? 'ignored';
    if (pod.address === undefined) return 'waiting';
    const fault = checkAddress(pod);
    if (fault !== undefined) return refuse(pod, request, fault);
    const { namespace, name, serviceAccount, address } = pod;
    return { run: container.run, role: request.role, address, pod: { namespace, name, serviceAccount } };
  }

  return async ({ namespace, name }, deadline) => {
    const pod = await readPod(namespace, name, deadline);
    const request = pod && appRoleRequestOf(pod);
    return request ? judge(pod, request) : 'ignored';
  };
}
