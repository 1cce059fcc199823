/**
 * Takes an event that Knative could not deliver and keeps it in a ConfigMap. In Kubernetes, not in Vault: Vault being
 * away is the most likely reason for a dead letter.
 */
import type { Deadline } from '../../shared/deadline.ts';
import { about, asInjectorError } from '../../shared/errors.ts';
import { changedPodIn } from '../../shared/events/changed-pod.ts';
import { type CloudEvent, type EventRequest, readCloudEvent } from '../../shared/events/cloud-event.ts';
import { deadLetterOf, storedForm } from '../../shared/events/dead-letter.ts';
import type { ConfigMaps } from '../../shared/kubernetes/config-maps.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';

export interface DeadLetterDependencies {
  readonly configMaps: Pick<ConfigMaps, 'create'>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export type KeepDeadLetter = (request: EventRequest, deadline: Deadline) => Promise<void>;

/**
 * @returns a function that resolves when the dead letter is kept, or if there is nothing to keep.
 * @throws InjectorError `request_invalid` for an event that can never be replayed; a KubernetesError if Knative
 * should retry.
 */
export function createKeepDeadLetter({ configMaps, metrics, log }: DeadLetterDependencies): KeepDeadLetter {
  const read = async (request: EventRequest) => {
    try {
      const event = await readCloudEvent(request);
      return { letter: deadLetterOf(event), event };
    } catch (error) {
      // Nobody sends it again: this log line is its only trace.
      log.warn(`a dead letter cannot be kept: ${asInjectorError(error).message}`, { outcome: 'refused' });
      metrics.count('dead_letters_total', { outcome: 'refused' });
      throw error;
    }
  };

  /** Events that are not replayed: it is too late for a secret_id, and the container's next run has its own event. */
  const letGo = (event: CloudEvent) => {
    const pod = changedPodIn(event);
    const outcome = pod ? 'too_late' : 'ignored';
    const facts = pod && { namespace: pod.namespace, pod: pod.name };
    const why = pod ? 'a pod was not given its secret_id in time' : 'a dead letter names no grant';
    log.warn(`${why}: the event is not kept`, { outcome, ...facts });
    metrics.count('dead_letters_total', { outcome });
  };

  return async (request, deadline) => {
    const { letter, event } = await read(request);
    if (!letter) return letGo(event);
    const { name, data } = storedForm(letter);
    const { errorCode, errorDestination, pod } = letter;
    const subject = { namespace: pod.namespace, pod: pod.name, uuid: pod.uuids.join(',') };
    const created = await configMaps.create(name, data, deadline).catch((error: unknown) => {
      throw about({ ...subject, requestUid: event.id }, error);
    });
    const outcome = created ? 'kept' : 'known';
    const why = `${errorDestination || 'its destination'} answered ${errorCode || 'with an unknown status'}`;
    log.warn(`a delete event could not be delivered (${why}): it is kept as ConfigMap ${name}`, {
      outcome,
      ...subject,
    });
    metrics.count('dead_letters_total', { outcome });
  };
}
