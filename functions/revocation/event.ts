/**
 * A CloudEvent of Knative's ApiServerSource (mode Resource), binary or structured
 * (https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md).
 */
import type { Request } from '@google-cloud/functions-framework';
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import { InjectorError } from '../../shared/errors.ts';
import { parseUuids } from '../../shared/kubernetes/pods.ts';

const DELETE_TYPE = 'dev.knative.apiserver.resource.delete';

/** A pod that the API server has sent a delete event for; which proves nothing yet. */
export interface DeletedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uuids: readonly string[];
}

const name = v.pipe(v.string(), v.regex(/^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/));
// The library builds an event of what lacks its required attributes, too (CloudEvents 1.0, "Required Attributes").
const Attributes = v.object({
  type: v.pipe(v.string(), v.nonEmpty()),
  source: v.pipe(v.string(), v.nonEmpty()),
  data: v.unknown(),
});
const Resource = v.object({ kind: v.string() });
const Pod = v.object({
  kind: v.literal('Pod'),
  metadata: v.object({
    namespace: name,
    name,
    annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
  }),
});

/**
 * @returns `undefined` for an event that is none of our business.
 * @throws InjectorError `request_invalid` for what is no CloudEvent, or a deletion without its object.
 */
export async function parseEvent(
  request: Pick<Request, 'rawHeaders' | 'rawBody'>,
): Promise<DeletedPod | undefined> {
  const { type, data } = await toCloudEvent(request);
  if (type !== DELETE_TYPE) return undefined;
  const resource = v.safeParse(Resource, data);
  if (!resource.success)
    throw invalid('the event has no object in its data: the source has to be in mode "Resource"');
  if (resource.output.kind !== 'Pod') return undefined;
  const pod = v.safeParse(Pod, data);
  if (!pod.success) throw invalid('the pod in the event is not as it should be');
  const { namespace, name, annotations } = pod.output.metadata;
  return { namespace, name, uuids: parseUuids(annotations?.[UUID_ANNOTATION]) };
}

async function toCloudEvent(
  request: Pick<Request, 'rawHeaders' | 'rawBody'>,
): Promise<{ type: string; data: unknown }> {
  const { HTTP } = await import('cloudevents');
  const body = (request.rawBody ?? Buffer.alloc(0)).toString('utf8');
  try {
    const event = HTTP.toEvent({ headers: headersOf(request.rawHeaders), body });
    if (!('validate' in event)) throw invalid('expected one CloudEvent, not a batch');
    return v.parse(Attributes, event);
  } catch (error) {
    if (error instanceof InjectorError) throw error;
    // Without the library's words: they may quote the body, which holds a pod.
    throw invalid('expected a CloudEvent (binary or structured mode)');
  }
}

function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < raw.length; index += 2)
    headers[(raw[index] ?? '').toLowerCase()] = raw[index + 1] ?? '';
  return headers;
}

function invalid(message: string): InjectorError {
  return new InjectorError('request_invalid', message);
}
