/**
 * An installed Broker that delivers one event after the other is made again: its channel's dispatcher looks at the annotation
 * only when it first serves the channel. The source's pod is restarted then, since it hangs in what it sent to the old one.
 */
import * as v from 'valibot';
import { Annotated, channelOf, isOlder, podsOfSource } from '../broker-delivery.ts';
import type { Kubectl } from '../kubectl.ts';
import { NAMESPACE } from '../objects.ts';

const BROKER = 'brokers.eventing.knative.dev';
const CHANNEL = 'inmemorychannels.messaging.knative.dev';
const NAME = 'pods';
const IN_NAMESPACE = `--namespace=${NAMESPACE}`;
const Found = v.object({ items: v.array(Annotated) });

export const SOURCE_RESTARTED =
  "The source's pod was restarted. Deletions that it has not delivered are found by the next sweep, which revokes their grants.";

export const DISPATCHER_REMEMBERS =
  'Knative encrypts its transport, and its dispatcher remembers a channel beyond its deletion. Restart it (what waits in the channels of others is lost by that): kubectl --namespace knative-eventing rollout restart deployment imc-dispatcher. Then the pod of the source: kubectl --namespace vault-injector delete pods --selector eventing.knative.dev/sourceName=pods';

export const whyAgain = (reason: string): string =>
  `${reason}, so one deletion that cannot be delivered holds up all others. Events that wait in it are lost: the next sweep of the renewal job revokes what they were for. The source's pod is restarted.`;

/** The channel too, and waited for: a Broker that finds the old one goes on with it. */
export async function removeBroker(kubectl: Kubectl, timeoutSeconds: number): Promise<void> {
  const options = [IN_NAMESPACE, '--ignore-not-found', `--timeout=${timeoutSeconds}s`];
  await kubectl.text(['delete', BROKER, NAME, ...options]);
  await kubectl.text(['delete', CHANNEL, channelOf(NAME), ...options]);
}

/**
 * By the age of its pods, not by what this run has done: one that was interrupted is finished by the next.
 *
 * @returns whether there was one to be restarted.
 */
export async function restartSource(kubectl: Kubectl, timeoutSeconds: number): Promise<boolean> {
  const selector = `--selector=${podsOfSource(NAME)}`;
  const broker = v.parse(Annotated, await kubectl.json(['get', BROKER, NAME, IN_NAMESPACE]));
  const pods = v.parse(Found, await kubectl.json(['get', 'pods', IN_NAMESPACE, selector])).items;
  if (!pods.some((pod) => isOlder(pod, broker))) return false;
  await kubectl.text(['delete', 'pods', IN_NAMESPACE, selector, `--timeout=${timeoutSeconds}s`]);
  return true;
}
