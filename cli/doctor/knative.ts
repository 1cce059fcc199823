/** State of the functions and of the delivery of delete events, as reported by Knative's controllers. */
import * as v from 'valibot';
import { readObject } from '../../shared/kubernetes/objects.ts';
import {
  Annotated,
  channelOf,
  hasChannelInMemory,
  isOlder,
  isTooOld,
  podsOfSource,
  policiesOf,
  UPGRADE,
  whyOneAtATime,
} from '../broker-delivery.ts';
import { conditionOf, isOutdated, Reported } from '../conditions.ts';
import { NAMESPACE } from '../objects.ts';
import { type Check, failed, ok, unknown, type Verdict } from './check.ts';
import type { Facts } from './facts.ts';
import { NO_PART } from './parts-of.ts';

interface Resource {
  readonly name: string;
  readonly group: string;
  readonly plural: string;
  /** Resource names for kubectl. */
  readonly object: string;
  readonly condition: 'Ready' | 'Available';
}

const SERVING = 'serving.knative.dev/v1';
const EVENTING = 'eventing.knative.dev/v1';
const resource = (kind: string, name: string, group: string, plural: string): Resource => ({
  name: `${kind} ${name}`,
  group,
  plural,
  object: `${plural}.${group.split('/')[0]} ${name}`,
  condition: kind === 'Deployment' ? 'Available' : 'Ready',
});
const RESOURCES = [
  resource('Service', 'admission', SERVING, 'services'),
  resource('Service', 'revocation', SERVING, 'services'),
  resource('Service', 'dead-letters', SERVING, 'services'),
  resource('Broker', 'pods', EVENTING, 'brokers'),
  resource('Trigger', 'revocation', EVENTING, 'triggers'),
  resource('ApiServerSource', 'pods', 'sources.knative.dev/v1', 'apiserversources'),
];
/** An optional component: docs/approle.md. */
const APPROLE = [
  resource('Service', 'approle', SERVING, 'services'),
  resource('Broker', 'approle', EVENTING, 'brokers'),
  resource('Trigger', 'approle', EVENTING, 'triggers'),
  resource('ApiServerSource', 'approle', 'sources.knative.dev/v1', 'apiserversources'),
];
const DEPLOYMENT = resource('Deployment', 'admission', 'apps/v1', 'deployments');

const pathOf = ({ group, plural, object }: Resource) =>
  `/apis/${group}/namespaces/${NAMESPACE}/${plural}/${object.split(' ')[1]}`;

export function knative(facts: Facts): Check[] {
  const { api, deadline } = facts;
  const read = (one: Resource) => readObject(api, pathOf(one), Reported, deadline());
  const ofInstallation = RESOURCES.map((one) => ({
    name: one.name,
    needs: ['API server'],
    async look() {
      const found = await read(one);
      if (found) return withDelivery(one, judged(one, found), 'npx vault-db-injector install --yes', facts);
      const deployment = await read(DEPLOYMENT);
      if (!deployment) return failed('is not there', 'npx vault-db-injector install');
      if (one.name === 'Service admission') return judged(DEPLOYMENT, deployment);
      return ok(NO_PART);
    },
  }));
  const ofComponent = {
    name: 'AppRole tokens',
    needs: ['API server'],
    async look() {
      const found = await Promise.all(APPROLE.map(read));
      if (found.every((one) => one === undefined)) return ok('not installed');
      const verdictOf = async (one: Resource, index: number) => {
        const { state, detail, mend } = found[index]
          ? await withDelivery(one, judged(one, found[index]), BROKER_AGAIN, facts)
          : failed('is not there', 'kubectl apply --kustomize OVERLAY, with components/approle');
        return { state, detail: `${one.name}: ${detail}`, ...(mend !== undefined && { mend }) };
      };
      const verdicts = await Promise.all(APPROLE.map(verdictOf));
      return verdicts.find(({ state }) => state !== 'ok') ?? ok('ready');
    },
  };
  return [...ofInstallation, ofComponent];
}

const BROKER_AGAIN = 'docs/install.md, "A Broker that delivers one event at a time"';
const Pods = v.object({ items: v.array(Annotated) });
const Definition = v.object({
  metadata: v.object({ labels: v.optional(v.record(v.string(), v.string()), {}) }),
});

/** A ready Broker, including whether one undeliverable event delays the others. */
async function withDelivery(
  one: Resource,
  verdict: Verdict,
  again: string,
  { api, deadline }: Facts,
): Promise<Verdict> {
  if (one.plural !== 'brokers' || verdict.state !== 'ok') return verdict;
  const name = one.object.split(' ')[1] ?? '';
  const broker = await readObject(api, pathOf(one), Annotated, deadline());
  if (!broker || !hasChannelInMemory(broker)) return verdict;
  const channel = channelOf(name);
  const channelPath = `/apis/messaging.knative.dev/v1/namespaces/${NAMESPACE}/inmemorychannels/${channel}`;
  const reason = whyOneAtATime(broker, await readObject(api, channelPath, Annotated, deadline()));
  if (reason !== undefined) {
    const detail = `${reason}, so one event that cannot be delivered delays all others`;
    const definition = await readObject(api, DEFINITION, Definition, deadline());
    const release = definition?.metadata.labels['app.kubernetes.io/version'];
    return failed(detail, isTooOld(release) ? UPGRADE : again);
  }
  const ill = whyNothingPasses(name, await readObject(api, channelPath, Reported, deadline()));
  if (ill) return ill;
  const selector = podsOfSource(name);
  const podsPath = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${encodeURIComponent(selector)}`;
  const pods = (await readObject(api, podsPath, Pods, deadline()))?.items ?? [];
  if (!pods.some((pod) => isOlder(pod, broker))) return verdict;
  return failed(
    'the pod of its source is older than the Broker, and may hang in an event that it sent to the previous one',
    `kubectl --namespace ${NAMESPACE} delete pods --selector ${selector}`,
  );
}

/** A restarted dispatcher ignores a channel that is not ready, whatever the Broker reports. */
function whyNothingPasses(broker: string, channel: Reported | undefined): Verdict | undefined {
  const ready = channel && conditionOf(channel, 'Ready');
  if (ready === undefined || ready.status === 'True') return undefined;
  const detail = `its channel is not ready: ${ready.message || ready.reason}; no event passes once its dispatcher is restarted`;
  const within = `kubectl --namespace ${NAMESPACE}`;
  return failed(
    detail,
    ready.reason === 'EventPoliciesNotReady'
      ? `npx vault-db-injector install, or, where sender identity was switched off: ${within} delete eventpolicies.eventing.knative.dev --selector ${policiesOf(broker)}`
      : `${within} describe inmemorychannels.messaging.knative.dev ${channelOf(broker)}`,
  );
}

const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/brokers.eventing.knative.dev';

function judged({ object, condition }: Resource, reported: Reported): Verdict {
  const describe = `kubectl --namespace ${NAMESPACE} describe ${object}`;
  const found = conditionOf(reported, condition);
  if (!found) return failed('no controller has reported on it: is it running?', describe);
  if (found.status !== 'True')
    return failed(`${condition} is ${found.status}: ${found.message || found.reason}`, describe);
  if (isOutdated(reported)) return unknown('its controller has not seen the last change yet', describe);
  return ok(condition.toLowerCase());
}
