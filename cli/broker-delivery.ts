/**
 * Whether Knative's own Broker answers its source at once. If it does not, one deletion that cannot be delivered holds up all
 * later ones: knative/eventing/broker.yaml says how that comes.
 */
import * as v from 'valibot';

const ASYNC_HANDLER = 'messaging.knative.dev/async-handler';
const BROKER_CLASS = 'eventing.knative.dev/broker.class';
/** The class that makes a channel of its own, and copies the annotation to it. */
const CHANNEL_BASED = 'MTChannelBasedBroker';
/** Of Knative Eventing: https://github.com/knative/eventing/pull/8311. */
const OLDEST_RELEASE = [1, 17] as const;

const annotations = v.optional(v.record(v.string(), v.string()), {});
export const Annotated = v.object({
  metadata: v.object({ annotations, creationTimestamp: v.optional(v.string(), '') }),
  // A Broker tells there which channel it has made.
  status: v.optional(v.object({ annotations }), {}),
});
export type Annotated = v.InferOutput<typeof Annotated>;

export const channelOf = (broker: string): string => `${broker}-kne-trigger`;
/** Selects the EventPolicies that Knative makes for the Broker's channel while sender identity is on, and leaves there afterwards. */
export const policiesOf = (broker: string): string => `eventing.knative.dev/broker-name=${broker}`;
export const podsOfSource = (source: string): string => `eventing.knative.dev/sourceName=${source}`;

/** Whether its events pass through a channel in memory: others do not look at the annotation. */
export function hasChannelInMemory({ metadata, status }: Annotated, defaultClass = CHANNEL_BASED): boolean {
  const kind = status.annotations?.['knative.dev/channelKind'] ?? 'InMemoryChannel';
  return (metadata.annotations[BROKER_CLASS] ?? defaultClass) === CHANNEL_BASED && kind === 'InMemoryChannel';
}

/** @param channel absent: it is not made yet. */
export function whyOneAtATime(broker: Annotated, channel: Annotated | undefined): string | undefined {
  if (!isAsync(broker)) return `it has no annotation ${ASYNC_HANDLER}: "true"`;
  if (channel && !isAsync(channel)) return `its channel has no annotation ${ASYNC_HANDLER}: "true"`;
  return undefined;
}

function isAsync({ metadata }: Annotated): boolean {
  // As Go reads a boolean, which Knative does.
  return /^(?:1|t|true)$/i.test(metadata.annotations[ASYNC_HANDLER] ?? '');
}

/** @param release as the definitions of Knative's kinds say it: `1.17.0`; one that says nothing is taken for a new one. */
export function isTooOld(release: string | undefined): boolean {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})(?:\.|$)/.exec(release ?? '') ?? [];
  if (major === undefined || minor === undefined) return false;
  const [oldestMajor, oldestMinor] = OLDEST_RELEASE;
  return Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
}

export const UPGRADE = `upgrade Knative Eventing to ${OLDEST_RELEASE.join('.')} or newer, and make the Broker again (docs/install.md)`;

/** Of a source, whose pods: those that were there before the Broker may hang in what they sent to the one before it. */
export function isOlder(pod: Annotated, broker: Annotated): boolean {
  return Date.parse(pod.metadata.creationTimestamp) < Date.parse(broker.metadata.creationTimestamp);
}
