import type { HttpFunction } from '@google-cloud/functions-framework';
import { type Clock, deadlineIn } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { createSenders, type SenderOptions } from '../kubernetes/senders.ts';
import type { Logger } from '../telemetry/logger.ts';

interface SenderParts {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  readonly log: Logger;
}

const CHECK_WITHIN_MS = 5_000;

/** The sink, for events of these senders only; without `options` for whoever reaches it. */
export function fromSenders(
  sink: HttpFunction,
  options: SenderOptions | undefined,
  { api, clock, log }: SenderParts,
): HttpFunction {
  if (!options) return sink;
  const senders = createSenders(api, options, clock);
  return async (request, response) => {
    const deadline = deadlineIn(CHECK_WITHIN_MS, clock);
    try {
      await senders.check(request.headers.authorization, deadline);
    } catch (error) {
      if (error instanceof InjectorError && error.code === 'sender_unknown') {
        log.warn('security: an event is refused: its sender is unknown', { outcome: reasonOf(error) });
      }
      throw error;
    } finally {
      deadline.release();
    }
    return sink(request, response);
  };
}

/** Of `jose`, which names what was wrong and quotes nothing of the token. */
function reasonOf({ cause }: InjectorError): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
