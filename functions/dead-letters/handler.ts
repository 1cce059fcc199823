/**
 * An event in that Knative could not deliver, a ConfigMap out. In Kubernetes, not in Vault: Vault being away is the
 * likeliest reason why anything comes here.
 */
import type { Deadline } from '../../shared/deadline.ts';
import { asInjectorError } from '../../shared/errors.ts';
import { type EventRequest, readCloudEvent } from '../../shared/events/cloud-event.ts';
import { deadLetterOf, storedForm } from '../../shared/events/dead-letter.ts';
import type { ConfigMaps } from '../../shared/kubernetes/config-maps.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';

export interface DeadLetterParts {
  readonly configMaps: Pick<ConfigMaps, 'create'>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export type KeepDeadLetter = (request: EventRequest, deadline: Deadline) => Promise<void>;

/**
 * @returns a function that resolves when the dead letter is kept, or when there is nothing to keep.
 * @throws InjectorError `request_invalid` for what can never be sent again; a KubernetesError where it has to come again.
 */
export function createKeepDeadLetter({ configMaps, metrics, log }: DeadLetterParts): KeepDeadLetter {
  const read = async (request: EventRequest) => {
    try {
      return deadLetterOf(await readCloudEvent(request));
    } catch (error) {
      // Nobody sends it a second time: this line is all that is left of it.
      log.warn(`a dead letter cannot be kept: ${asInjectorError(error).message}`, { outcome: 'refused' });
      metrics.count('dead_letters_total', { outcome: 'refused' });
      throw error;
    }
  };

  return async (request, deadline) => {
    const letter = await read(request);
    if (!letter) {
      log.warn('a dead letter names no grant: it is not kept', { outcome: 'ignored' });
      metrics.count('dead_letters_total', { outcome: 'ignored' });
      return;
    }
    const { name, data } = storedForm(letter);
    const outcome = (await configMaps.create(name, data, deadline)) ? 'kept' : 'known';
    const { errorCode, errorDestination, pod } = letter;
    const why = `${errorDestination || 'its destination'} answered ${errorCode || 'nothing that is known'}`;
    log.warn(`a delete event could not be delivered (${why}): it is kept as ConfigMap ${name}`, {
      outcome,
      namespace: pod.namespace,
      pod: pod.name,
      uuid: pod.uuids.join(','),
    });
    metrics.count('dead_letters_total', { outcome });
  };
}
