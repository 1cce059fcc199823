/** Waits until the cluster's controllers report the objects as ready. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { conditionOf, isMet, isOutdated, Reported } from '../conditions.ts';
import type { Kubectl } from '../kubectl.ts';
import { find, type KubernetesObject, keyOf, NAMESPACE, nameOf, WEBHOOK } from '../objects.ts';
import { Refusal } from '../refusal.ts';

const Webhook = v.object({
  webhooks: v.array(v.object({ clientConfig: v.object({ caBundle: v.optional(v.string(), '') }) })),
});

const POLL_MS = 1_000;
const NEWS_EVERY_MS = 15_000;
/** Kinds whose readiness a controller reports. */
const WITH_CONDITIONS =
  /^(?:serving\.knative\.dev\/.*(?:Service|DomainMapping)|eventing\.knative\.dev\/.*(?:Broker|Trigger)|sources\.knative\.dev\/.*ApiServerSource|cert-manager\.io\/.*Certificate)$/;

export interface Wait {
  readonly withinMs: number;
  readonly say: (line: string) => void;
}

/** @throws Refusal that names what is not ready, why, and how to look. */
export async function untilReady(
  kubectl: Kubectl,
  applied: readonly KubernetesObject[],
  wait: Wait,
): Promise<void> {
  const awaited = applied.filter(({ apiVersion, kind }) => WITH_CONDITIONS.test(`${apiVersion}/${kind}`));
  await until(wait, async () => {
    const found = new Map((await find(kubectl, awaited)).map((object) => [keyOf(object), object]));
    return awaited.flatMap((object) => notReady(found.get(keyOf(object)) ?? object));
  });
}

interface NotReady {
  readonly name: string;
  readonly why: string;
  readonly look: string;
  /** Waiting does not help: the manifest or what it names has to be changed. */
  readonly isFinal?: boolean;
}

const NOT_AGAIN =
  '(Knative resolves the same image again only after a while, another tag or digest at once.)';
/** Permanent reasons of a Knative Service: its newest revision has failed, or its image cannot be resolved. */
const FINAL = /^(?:RevisionFailed|RevisionMissing|ContainerMissing|ConfigurationFailed)$/;

function notReady(object: KubernetesObject): NotReady[] {
  const reported = v.parse(Reported, object);
  const isOld = isOutdated(reported);
  if (isMet(reported, 'Ready') && !isOld) return [];
  const ready = conditionOf(reported, 'Ready');
  const said = [ready?.reason, ready?.message].filter((text) => text).join(': ');
  const { conditions = [], latestCreatedRevisionName } = reported.status;
  const isFinal = !isOld && conditions.some(({ status, reason }) => status === 'False' && FINAL.test(reason));
  return [
    {
      name: nameOf(object),
      why: isOld || !ready ? 'its controller has not reported about it yet' : said || 'no reason is given',
      look: lookAt(object, isFinal ? latestCreatedRevisionName : undefined),
      isFinal,
    },
  ];
}

/** @param revision that has failed: its conditions and pods say why; its log only if it ran. */
function lookAt({ apiVersion, kind, metadata }: KubernetesObject, revision: string | undefined): string {
  const [group = ''] = apiVersion.split('/');
  const within = `kubectl --namespace ${NAMESPACE}`;
  if (revision !== undefined)
    return `${within} describe revisions.serving.knative.dev ${revision}, then ${within} describe pods --selector serving.knative.dev/revision=${revision}`;
  return kind === 'Service'
    ? `${within} logs --selector serving.knative.dev/service=${metadata.name} --container ${metadata.name}`
    : `${within} describe ${kind.toLowerCase()}s.${group} ${metadata.name}`;
}

/** Waits until cert-manager has set the webhook's caBundle. */
export async function untilTrusted(kubectl: Kubectl, wait: Wait): Promise<void> {
  await until(wait, async () => {
    const webhook = v.parse(Webhook, await kubectl.json(['get', 'mutatingwebhookconfiguration', WEBHOOK]));
    if (webhook.webhooks.every(({ clientConfig }) => clientConfig.caBundle !== '')) return [];
    return [
      {
        name: `MutatingWebhookConfiguration ${WEBHOOK}`,
        why: "cert-manager's cainjector has not set the caBundle yet",
        look: `kubectl --namespace ${NAMESPACE} get certificates.cert-manager.io`,
      },
    ];
  });
}

async function until({ withinMs, say }: Wait, look: () => Promise<readonly NotReady[]>): Promise<void> {
  const end = performance.now() + withinMs;
  let news = performance.now() + NEWS_EVERY_MS;
  for (;;) {
    const waiting = await look();
    if (waiting.length === 0) return;
    const failed = waiting.filter(({ isFinal }) => isFinal);
    if (failed.length > 0)
      throw new Refusal(
        `${explain(failed, 'These objects have failed, and waiting will not help:')} ${NOT_AGAIN}`,
      );
    if (performance.now() > end)
      throw new Refusal(explain(waiting, `After ${withinMs / 1_000} s these objects are not ready:`));
    if (performance.now() > news) {
      say(`  … waiting for ${waiting.map(({ name }) => name).join(', ')}`);
      news = performance.now() + NEWS_EVERY_MS;
    }
    await sleep(POLL_MS);
  }
}

function explain(waiting: readonly NotReady[], title: string): string {
  const lines = waiting.map(({ name, why, look }) => `  - ${name}: ${why}\n    look: ${look}`);
  return [title, ...lines, 'Fix this, then run the same command again.'].join('\n');
}
