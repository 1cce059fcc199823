/** A running pod's address and the state of its init containers, from the status that its kubelet reports. */
import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { countUpTo } from '../numbers.ts';
import { checked, type KubernetesApi, KubernetesError } from './api.ts';

export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Absent while it has none. */
  readonly address: string | undefined;
  /** Whether it uses its node's address instead of its own. */
  readonly onHostNetwork: boolean;
  /** Init containers by name; the pod's other containers are not included. */
  readonly initContainers: ReadonlyMap<string, InitContainer>;
}

interface InitContainer {
  readonly state: 'waiting' | 'running' | 'ended';
  /** Identifies one run of the container among all runs of all pods. */
  readonly run: string;
}

export type ReadRunningPod = (
  namespace: string,
  name: string,
  deadline: Deadline,
) => Promise<RunningPod | undefined>;

const State = v.object({ running: v.optional(v.object({})), terminated: v.optional(v.object({})) });
const Status = v.object({
  name: v.string(),
  containerID: v.optional(v.string(), ''),
  restartCount: v.optional(countUpTo(Number.MAX_SAFE_INTEGER), 0),
  state: v.optional(State, {}),
});
const Pod = v.object({
  metadata: v.object({
    namespace: v.string(),
    name: v.string(),
    uid: v.string(),
    deletionTimestamp: v.optional(v.string()),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
  spec: v.object({
    serviceAccountName: v.optional(v.string(), 'default'),
    hostNetwork: v.optional(v.boolean(), false),
    initContainers: v.optional(v.array(v.object({ name: v.string() })), []),
  }),
  status: v.optional(
    v.object({
      phase: v.optional(v.string(), ''),
      podIP: v.optional(v.string()),
      hostIP: v.optional(v.string()),
      initContainerStatuses: v.optional(v.array(Status), []),
    }),
    {},
  ),
});

/** @returns a function that resolves with `undefined` if there is no pod of that name. */
export function createReadRunningPod(api: KubernetesApi): ReadRunningPod {
  return async (namespace, name, deadline) => {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    try {
      return runningPod(checked(Pod, await api.send({ method: 'GET', path, deadline })));
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404 && error.reason === 'NotFound')
        return undefined;
      throw error;
    }
  };
}

function runningPod({ metadata, spec, status }: v.InferOutput<typeof Pod>): RunningPod {
  const { namespace, name, uid, annotations } = metadata;
  const isEnding =
    metadata.deletionTimestamp !== undefined || ['Succeeded', 'Failed'].includes(status.phase ?? '');
  const statuses = new Map((status.initContainerStatuses ?? []).map((one) => [one.name, one]));
  return {
    namespace,
    name,
    uid,
    annotations,
    serviceAccount: spec.serviceAccountName,
    address: status.podIP,
    // hostNetwork, or a pod address equal to its node's, however it came to have it.
    onHostNetwork: spec.hostNetwork || (status.podIP !== undefined && status.podIP === status.hostIP),
    initContainers: new Map(
      spec.initContainers.map((container) => {
        const found = statuses.get(container.name);
        const run = JSON.stringify([uid, container.name, found?.restartCount, found?.containerID]);
        return [container.name, { run, state: isEnding ? 'ended' : stateOf(found) }];
      }),
    ),
  };
}

function stateOf(status: v.InferOutput<typeof Status> | undefined): InitContainer['state'] {
  if (status?.state.running) return 'running';
  return status?.state.terminated ? 'ended' : 'waiting';
}
