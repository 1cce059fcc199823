/**
 * A delete event that Knative could not deliver, kept in a ConfigMap until it is sent again. The event contains the
 * whole pod, including the credentials in its environment: only what replay needs is kept.
 */
import { createHash } from 'node:crypto';
import { validate } from 'uuid';
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../annotations.ts';
import { printable } from '../secret.ts';
import type { CloudEvent } from './cloud-event.ts';
import { DELETE_TYPE, type DeletedPod, deletedPodIn, objectName } from './deleted-pod.ts';

export interface DeadLetter {
  readonly pod: DeletedPod;
  /** The event's source, subject, id and time. */
  readonly source: string;
  readonly subject: string;
  readonly id: string;
  readonly time: string;
  /** HTTP status of the last delivery attempt (-1: no answer) and its destination; empty if Knative did not say. */
  readonly errorCode: string;
  readonly errorDestination: string;
  /** How often it has been replayed before it came back. */
  readonly replays: number;
}

export const DEAD_LETTER_LABEL = 'vault-db-injector.numberly.io/dead-letter';
/** Extension of a replayed event: if it comes back, it is a new dead letter, not the one being deleted. */
const REPLAYS_EXTENSION = 'deadletterreplays';
const MAX_ATTRIBUTE = 500;

const texts = (pattern: RegExp) => v.pipe(v.string(), v.regex(pattern));
const short = v.pipe(v.string(), v.maxLength(MAX_ATTRIBUTE));
const replays = v.pipe(texts(/^\d{1,6}$/), v.transform(Number));
const anyText = v.pipe(v.union([v.string(), v.number()]), v.transform(String));
// See knative.dev/eventing, pkg/kncloudevents/attributes/knative_error.go. Its `knativeerrordata`, the answer's body,
// is ignored: any proxy before the function may have written it.
const Extensions = v.object({
  id: v.fallback(anyText, ''),
  subject: v.fallback(anyText, ''),
  time: v.fallback(v.string(), ''),
  knativeerrorcode: v.fallback(v.pipe(anyText, v.regex(/^-?\d{1,3}$/)), ''),
  knativeerrordest: v.fallback(v.string(), ''),
  [REPLAYS_EXTENSION]: v.fallback(v.pipe(anyText, replays), 0),
});
const Data = v.object({
  namespace: objectName,
  pod: objectName,
  uuids: v.pipe(
    v.string(),
    v.transform((list) => list.split(',')),
    v.array(
      v.pipe(
        v.string(),
        v.check((uuid) => validate(uuid)),
      ),
    ),
  ),
  source: v.pipe(short, v.nonEmpty()),
  subject: short,
  id: v.pipe(short, v.nonEmpty()),
  time: short,
  errorCode: short,
  errorDestination: short,
  replays,
});

/**
 * @returns `undefined` for an event that requires no revocation.
 * @throws InjectorError `request_invalid` for a deletion without its object.
 */
export function deadLetterOf(event: CloudEvent): DeadLetter | undefined {
  const pod = deletedPodIn(event);
  const uuids = pod?.uuids.filter((uuid) => validate(uuid)) ?? [];
  if (!pod || uuids.length === 0) return undefined;
  const { id, subject, time, ...extensions } = v.parse(Extensions, event);
  return {
    pod: { ...pod, uuids },
    // Attributes that every event has.
    source: printable(event.source, MAX_ATTRIBUTE) || 'unknown',
    id: printable(id, MAX_ATTRIBUTE) || 'unknown',
    subject: printable(subject, MAX_ATTRIBUTE),
    time: printable(time, MAX_ATTRIBUTE),
    errorCode: extensions.knativeerrorcode,
    errorDestination: placeOf(extensions.knativeerrordest),
    replays: extensions[REPLAYS_EXTENSION],
  };
}

/** Leaves out user info and query, which may hold secrets. */
function placeOf(destination: string): string {
  if (!URL.canParse(destination)) return '';
  const { protocol, host, pathname } = new URL(destination);
  return printable(`${protocol}//${host}${pathname}`, MAX_ATTRIBUTE);
}

/**
 * The ConfigMap's name and data. The name is derived from the deletion, since Knative's event ids change with each
 * send: the same dead letter is stored once.
 */
export function storedForm({ pod, replays: count, ...attributes }: DeadLetter) {
  const { namespace, name, uuids } = pod;
  const deletion = JSON.stringify([namespace, name, uuids, count]);
  const digest = createHash('sha256').update(deletion).digest('hex').slice(0, 32);
  return {
    name: `dead-letter-${digest}`,
    data: { namespace, pod: name, uuids: uuids.join(','), ...attributes, replays: String(count) },
  };
}

/** @returns `undefined` for data that is not a dead letter. */
export function readStored(data: unknown): DeadLetter | undefined {
  const parsed = v.safeParse(Data, data);
  if (!parsed.success) return undefined;
  const { namespace, pod: name, uuids, ...attributes } = parsed.output;
  return { pod: { namespace, name, uuids }, ...attributes };
}

/** Rebuilds the event in binary mode, with only the parts of the pod that the revocation function reads. */
export function replayOf({ pod, source, subject, id, time, replays: count }: DeadLetter) {
  const { namespace, name, uuids } = pod;
  const attributes = {
    specversion: '1.0',
    type: DELETE_TYPE,
    source,
    id,
    ...(subject && { subject }),
    ...(!Number.isNaN(Date.parse(time)) && { time: new Date(time).toISOString() }),
    [REPLAYS_EXTENSION]: String(count + 1),
  };
  const metadata = { namespace, name, annotations: { [UUID_ANNOTATION]: uuids.join(',') } };
  return {
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`ce-${key}`, encoded(value)])),
    },
    body: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata }),
  };
}

/** CloudEvents HTTP binding, 3.1.3.2: everything but printable ASCII is percent-encoded. */
function encoded(value: string): string {
  return value.toWellFormed().replace(/[^\x20-\x7e]+/g, encodeURIComponent);
}
