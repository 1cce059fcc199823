/** Checks, applies, waits, tries it out, and says what it did. A second time it changes nothing. */
import type { Kubectl } from '../kubectl.ts';
import { type KubernetesObject, listOf, nameOf } from '../objects.ts';
import { Refusal } from '../refusal.ts';
import { resumeRenewal } from '../renewal-suspension.ts';
import { NO_SECRET, withPath } from '../webhook-path.ts';
import { apply, type Changes } from './apply.ts';
import {
  DISPATCHER_REMEMBERS,
  removeBroker,
  restartSource,
  SOURCE_RESTARTED,
  whyAgain,
} from './broker-again.ts';
import { type Cluster, hasTransportEncryption, readCluster } from './cluster.ts';
import { readBrokerAddress, readExisting } from './existing.ts';
import { findIdlePolicies, findLeftOvers } from './left-overs.ts';
import type { InstallOptions } from './options.ts';
import { withoutOthersSecrets } from './others-secrets.ts';
import { isWebhook, renderManifests } from './overlay.ts';
import { makePlan, type Plan } from './plan.ts';
import { rememberConfiguration } from './put-back.ts';
import { untilReady, untilTrusted, type Wait } from './ready.ts';
import { rehearse } from './rehearse.ts';
import { listOfMissing, whatChanged, whatIsThere, whatNext } from './report.ts';
import { missingIn } from './requirements.ts';
import { missingRights } from './rights.ts';
import { mustHaveTokens, selfTest } from './self-test.ts';

type Say = (line: string) => void;

interface Parts {
  readonly kubectl: Kubectl;
  readonly options: InstallOptions;
  readonly say: Say;
}

/** @returns the exit code. @throws Refusal */
export async function install({ kubectl, options, say }: Parts): Promise<number> {
  const cluster = await readCluster(kubectl);
  const existing = await readExisting(kubectl, cluster.kinds);
  const plan = await makePlan(options, existing, cluster);
  const manifests = await renderManifests(kubectl, plan);
  const missing = [
    ...missingIn(cluster, manifests, plan.ingress),
    ...(await missingRights(kubectl, cluster, manifests)),
  ];
  if (missing.length > 0) {
    say(listOfMissing(missing));
    return 1;
  }
  say(whatIsThere(cluster));
  const own = await withoutOthersSecrets(kubectl, manifests);
  await rehearseAll(kubectl, own, options['force-conflicts'], plan);
  if (options['dry-run']) {
    if (plan.brokerAgain !== undefined) say(`Would make the Broker again: ${whyAgain(plan.brokerAgain)}`);
    say(`Would apply: ${own.map(nameOf).join(', ')}`);
    return 0;
  }
  if (plan.brokerAgain !== undefined && !options.yes)
    throw new Refusal(
      `the Broker has to be made again: ${whyAgain(plan.brokerAgain)}\nIf that is meant, add --yes. Nothing was changed.`,
    );
  await applyAll({ kubectl, options, say }, cluster, plan, manifests, own);
  const test = {
    namespace: options['self-test-namespace'],
    serviceAccount: options['self-test-service-account'],
    role: options['self-test-role'],
  };
  say(`Self-test: ${await selfTest(kubectl, test)}.`);
  // A dry run asks for no token, so the pod of the self-test has not shown it.
  if (plan.projected) await mustHaveTokens(kubectl, test);
  say(whatNext(plan, cluster));
  return 0;
}

/** With another way there, cainjector's authority has to make room. */
const forWebhook = (force: boolean, { anotherWay }: Plan) => ({ force: force || anotherWay });

async function rehearseAll(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  force: boolean,
  plan: Plan,
): Promise<void> {
  await rehearse(
    kubectl,
    objects.filter((one) => !isWebhook(one)),
    { force },
  );
  await rehearse(kubectl, objects.filter(isWebhook), forWebhook(force, plan));
}

const isJob = ({ kind }: KubernetesObject): boolean => kind === 'CronJob';

/**
 * The jobs once the functions have become ready with the same image: what works is not replaced by what may not. The webhook
 * last: no pod waits for a function that is not there yet.
 *
 * @param own of the manifests: what is ours to apply.
 */
async function applyAll(
  { kubectl, options, say }: Parts,
  cluster: Cluster,
  plan: Plan,
  manifests: readonly KubernetesObject[],
  own: readonly KubernetesObject[],
): Promise<void> {
  const applying = { force: options['force-conflicts'] };
  const wait: Wait = { withinMs: options.timeout * 1_000, say };
  if (plan.suspended) await resumeRenewal(kubectl);
  if (plan.brokerAgain !== undefined) await removeBroker(kubectl, options.timeout);
  const putBack = await rememberConfiguration(kubectl, applying);
  const changes = [
    await apply(
      kubectl,
      own.filter((one) => !isWebhook(one) && !isJob(one)),
      applying,
    ),
  ];
  const early = await findIdlePolicies(kubectl, cluster.kinds, manifests);
  await remove(kubectl, early);
  say('Waiting for functions, events and certificates.');
  await untilReady(kubectl, manifests, wait).catch(async (error) => {
    const back = await putBack();
    if (back.length > 0) say(`What runs goes on as it was: ${back.join(', ')} put back.`);
    throw error;
  });
  if (plan.brokerAgain !== undefined && hasTransportEncryption(cluster)) say(DISPATCHER_REMEMBERS);
  if (await restartSource(kubectl, options.timeout)) say(SOURCE_RESTARTED);
  const broker = await readBrokerAddress(kubectl);
  const final = broker === plan.broker ? manifests : await renderManifests(kubectl, { ...plan, broker });
  // The Broker's address, to which the replay job sends, is known only now where it is not Knative's own.
  changes.push(await apply(kubectl, final.filter(isJob), applying));
  const leftOver = await findLeftOvers(kubectl, cluster.kinds, final);
  // What an uninstallation guards with would refuse what the webhook gives uuids to.
  const guards = leftOver.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
  await remove(kubectl, guards);
  changes.push(...(await applyWebhook({ kubectl, options, say }, plan, final.filter(isWebhook))));
  await remove(
    kubectl,
    leftOver.filter((one) => !guards.includes(one)),
  );
  say(whatChanged(changes, [...early, ...leftOver].map(nameOf)));
}

async function applyWebhook(
  { kubectl, options, say }: Parts,
  plan: Plan,
  webhooks: readonly KubernetesObject[],
): Promise<Changes[]> {
  const applying = forWebhook(options['force-conflicts'], plan);
  const changes: Changes[] = [];
  // Whoever creates a pod is told the URL of a function that the API server does not trust.
  if (plan.awaitsTrust) {
    const harmless = webhooks.map((one) => withPath(one, NO_SECRET));
    changes.push(await apply(kubectl, harmless, applying));
    await untilTrusted(kubectl, { withinMs: options.timeout * 1_000, say });
  }
  return [...changes, await apply(kubectl, webhooks, applying)];
}

async function remove(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<void> {
  if (objects.length > 0)
    await kubectl.text(['delete', '--ignore-not-found', '--filename=-'], listOf(objects));
}
