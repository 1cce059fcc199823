import type { IncomingMessage } from 'node:http';
import { type Clock, deadlineIn } from '../deadline.ts';
import { codeOf, InjectorError } from '../errors.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { createSenders, type SenderOptions } from '../kubernetes/senders.ts';
import type { Logger } from '../telemetry/logger.ts';

interface SenderDependencies {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  readonly log: Logger;
}

const CHECK_WITHIN_MS = 5_000;

/** Rejects anyone but the configured senders before the event is read; without `options` anyone may send. */
export function fromSenders(
  options: SenderOptions | undefined,
  { api, clock, log }: SenderDependencies,
): ((request: IncomingMessage) => Promise<void>) | undefined {
  if (!options) return undefined;
  const senders = createSenders(api, options, clock);
  return async ({ headers }) => {
    using deadline = deadlineIn(CHECK_WITHIN_MS, clock);
    try {
      await senders.check(headers.authorization, deadline);
    } catch (error) {
      if (error instanceof InjectorError && error.code === 'sender_unknown') {
        log.warn('security: an event is refused: its sender is unknown', { outcome: reasonOf(error) });
      }
      throw error;
    }
  };
}

/** The message is from `jose`, which names the fault and quotes nothing of the token. */
function reasonOf({ cause }: InjectorError): string {
  return codeOf(cause) ?? String(cause);
}
