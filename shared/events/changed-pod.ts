/**
 * The pod in an event of Knative's ApiServerSource that was added or updated. In mode Resource the event contains the
 * pod, in mode Reference only its name (https://knative.dev/docs/eventing/sources/apiserversource/reference/).
 */
import * as v from 'valibot';
import { type CloudEvent, invalidEvent } from './cloud-event.ts';
import { objectName } from './deleted-pod.ts';

const TYPE = /^dev\.knative\.apiserver\.(?:resource|ref)\.(?:add|update)$/;

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

const names = { namespace: objectName, name: objectName };
const Kind = v.object({ kind: v.string() });
const Pod = v.union([v.object({ metadata: v.object(names) }), v.object(names)]);

/**
 * @returns `undefined` for an event that does not concern us.
 * @throws InjectorError `request_invalid` for one about a pod that it does not name.
 */
export function changedPodIn({ type, data }: CloudEvent): PodName | undefined {
  if (!TYPE.test(type)) return undefined;
  const kind = v.safeParse(Kind, data);
  if (!kind.success) throw invalidEvent('the event does not say what it is about');
  if (kind.output.kind !== 'Pod') return undefined;
  const pod = v.safeParse(Pod, data);
  if (!pod.success) throw invalidEvent('the pod in the event is invalid');
  return 'metadata' in pod.output ? pod.output.metadata : pod.output;
}
