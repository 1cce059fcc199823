/**
 * Recreates a Broker that delivers events one after the other: its channel's dispatcher reads the annotation only
 * when it first serves the channel. Then it restarts the source's pod, which hangs in what it sent to the old Broker.
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
  "The source's pod was restarted. The next sweep revokes grants of deletions that it had not delivered.";

export const DISPATCHER_REMEMBERS =
  'Knative encrypts its transport, and its dispatcher remembers a channel beyond its deletion. Restart it (events waiting in other channels are lost): kubectl --namespace knative-eventing rollout restart deployment imc-dispatcher. Then the pod of the source: kubectl --namespace vault-injector delete pods --selector eventing.knative.dev/sourceName=pods';

export const whyAgain = (reason: string): string =>
  `${reason}, so one deletion that cannot be delivered delays all others. Events waiting in it are lost: the next sweep of the renewal job revokes their grants. The source's pod is restarted.`;

/** The channel too, waiting for it to go: a new Broker would adopt an old channel. */
export async function removeBroker(kubectl: Kubectl, timeoutSeconds: number): Promise<void> {
  const options = [IN_NAMESPACE, '--ignore-not-found', `--timeout=${timeoutSeconds}s`];
  await kubectl.text(['delete', BROKER, NAME, ...options]);
  await kubectl.text(['delete', CHANNEL, channelOf(NAME), ...options]);
}

/**
 * Judges by the pods' age, not by what this run has done: the next run finishes an interrupted one.
 *
 * @returns whether a pod had to be restarted.
 */
export async function restartSource(kubectl: Kubectl, timeoutSeconds: number): Promise<boolean> {
  const selector = `--selector=${podsOfSource(NAME)}`;
  const broker = v.parse(Annotated, await kubectl.json(['get', BROKER, NAME, IN_NAMESPACE]));
  const pods = v.parse(Found, await kubectl.json(['get', 'pods', IN_NAMESPACE, selector])).items;
  if (!pods.some((pod) => isOlder(pod, broker))) return false;
  await kubectl.text(['delete', 'pods', IN_NAMESPACE, selector, `--timeout=${timeoutSeconds}s`]);
  return true;
}
