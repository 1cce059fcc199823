/** The origin of a request: it connects our log lines, Vault's audit log and a trace. */
import { validate } from 'uuid';

// https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-[\da-f]{16}-[\da-f]{2}/;

interface Origin {
  readonly correlationId?: string;
  readonly traceId?: string;
}

/**
 * @param id of the review or event; ignored unless it is a uuid, since the sender could put anything there.
 * @param traceparent the raw header.
 */
export function originOf(id: string, traceparent: string | undefined): Origin {
  const traceId = TRACEPARENT.exec(traceparent ?? '')?.[1];
  return { ...(validate(id) && { correlationId: id }), ...(traceId !== undefined && { traceId }) };
}
