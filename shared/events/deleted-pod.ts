/** The pod in a delete event of Knative's ApiServerSource (mode Resource). */
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../annotations.ts';
import { parseUuids } from '../kubernetes/pods.ts';
import { type CloudEvent, invalidEvent } from './cloud-event.ts';

export const DELETE_TYPE = 'dev.knative.apiserver.resource.delete';

/** A pod that the API server has sent a delete event for; the event alone proves nothing. */
export interface DeletedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uuids: readonly string[];
}

/** A pod's or namespace's name, checked so that it cannot leave a path. */
export const objectName = v.pipe(v.string(), v.regex(/^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/));
const Resource = v.object({ kind: v.string() });
const Pod = v.object({
  kind: v.literal('Pod'),
  metadata: v.object({
    namespace: objectName,
    name: objectName,
    annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
  }),
});

/**
 * @returns `undefined` for an event that does not concern us.
 * @throws InjectorError `request_invalid` for a deletion without its object.
 */
export function deletedPodIn({ type, data }: CloudEvent): DeletedPod | undefined {
  if (type !== DELETE_TYPE) return undefined;
  const resource = v.safeParse(Resource, data);
  if (!resource.success)
    throw invalidEvent('the event has no object in its data: the source has to be in mode "Resource"');
  if (resource.output.kind !== 'Pod') return undefined;
  const pod = v.safeParse(Pod, data);
  if (!pod.success) throw invalidEvent('the pod in the event is invalid');
  const { namespace, name, annotations } = pod.output.metadata;
  return { namespace, name, uuids: parseUuids(annotations?.[UUID_ANNOTATION]) };
}
