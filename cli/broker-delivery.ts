/**
 * Whether Knative's own Broker answers its source at once. Otherwise a single undeliverable deletion delays all later
 * ones: knative/eventing/broker.yaml explains how.
 */
import * as v from 'valibot';

const ASYNC_HANDLER = 'messaging.knative.dev/async-handler';
const BROKER_CLASS = 'eventing.knative.dev/broker.class';
/** The Broker class that creates a channel of its own, and copies the annotation to it. */
const CHANNEL_BASED = 'MTChannelBasedBroker';
/** Knative Eventing's release with the fix: https://github.com/knative/eventing/pull/8311. */
const OLDEST_RELEASE = [1, 17] as const;

const annotations = v.optional(v.record(v.string(), v.string()), {});
export const Annotated = v.object({
  metadata: v.object({ annotations, creationTimestamp: v.optional(v.string(), '') }),
  // Where a Broker reports the channel it has created.
  status: v.optional(v.object({ annotations }), {}),
});
export type Annotated = v.InferOutput<typeof Annotated>;

export const channelOf = (broker: string): string => `${broker}-kne-trigger`;
/** Selects the EventPolicies that Knative creates for the Broker's channel while sender identity is on, and never deletes. */
export const policiesOf = (broker: string): string => `eventing.knative.dev/broker-name=${broker}`;
export const podsOfSource = (source: string): string => `eventing.knative.dev/sourceName=${source}`;

/** Whether its events pass through an in-memory channel: other channels ignore the annotation. */
export function hasChannelInMemory({ metadata, status }: Annotated, defaultClass = CHANNEL_BASED): boolean {
  const kind = status.annotations?.['knative.dev/channelKind'] ?? 'InMemoryChannel';
  return (metadata.annotations[BROKER_CLASS] ?? defaultClass) === CHANNEL_BASED && kind === 'InMemoryChannel';
}

/** @param channel absent: not created yet. */
export function whyOneAtATime(broker: Annotated, channel: Annotated | undefined): string | undefined {
  if (!isAsync(broker)) return `it has no annotation ${ASYNC_HANDLER}: "true"`;
  if (channel && !isAsync(channel)) return `its channel has no annotation ${ASYNC_HANDLER}: "true"`;
  return undefined;
}

function isAsync({ metadata }: Annotated): boolean {
  // Parsed like a Go boolean, as Knative does.
  return /^(?:1|t|true)$/i.test(metadata.annotations[ASYNC_HANDLER] ?? '');
}

/** @param release as in the CRDs' labels: `1.17.0`; without one, a new release is assumed. */
export function isTooOld(release: string | undefined): boolean {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})(?:\.|$)/.exec(release ?? '') ?? [];
  if (major === undefined || minor === undefined) return false;
  const [oldestMajor, oldestMinor] = OLDEST_RELEASE;
  return Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
}

export const UPGRADE = `upgrade Knative Eventing to ${OLDEST_RELEASE.join('.')} or newer, and recreate the Broker (docs/install.md)`;

/** Name of the source's Deployment: pods older than the Broker may hang in what they sent to the previous one. */
export function isOlder(pod: Annotated, broker: Annotated): boolean {
  return Date.parse(pod.metadata.creationTimestamp) < Date.parse(broker.metadata.creationTimestamp);
}
