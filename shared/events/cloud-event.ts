/**
 * CloudEvents over HTTP, binary and structured
 * (https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md).
 */
import type { Request } from '@google-cloud/functions-framework';
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { refuseTooMany } from '../json.ts';

export type EventRequest = Pick<Request, 'rawHeaders' | 'rawBody'>;

// The library also accepts an event that lacks required attributes (CloudEvents 1.0, "Required Attributes").
const CloudEvent = v.looseObject({
  id: v.optional(v.string(), ''),
  type: v.pipe(v.string(), v.nonEmpty()),
  source: v.pipe(v.string(), v.nonEmpty()),
  data: v.unknown(),
});

/** The event's attributes, including extensions, and its data. */
export type CloudEvent = v.InferOutput<typeof CloudEvent>;

/**
 * @throws InjectorError `request_invalid` for anything but a CloudEvent, `request_too_large` for one that is too
 * large for a pod.
 */
export async function readCloudEvent(request: EventRequest): Promise<CloudEvent> {
  const { HTTP } = await import('cloudevents');
  const raw = request.rawBody ?? Buffer.alloc(0);
  refuseTooMany(raw);
  const body = raw.toString('utf8');
  try {
    const event = HTTP.toEvent({ headers: headersOf(request.rawHeaders), body });
    if (!('validate' in event)) throw invalidEvent('expected one CloudEvent, not a batch');
    return v.parse(CloudEvent, event);
  } catch (error) {
    if (error instanceof InjectorError) throw error;
    // Our own message: the library's may quote the body, which contains a pod.
    throw invalidEvent('expected a CloudEvent (binary or structured mode)');
  }
}

function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < raw.length; index += 2)
    headers[(raw[index] ?? '').toLowerCase()] = raw[index + 1] ?? '';
  return headers;
}

export function invalidEvent(message: string): InjectorError {
  return new InjectorError('request_invalid', message);
}
