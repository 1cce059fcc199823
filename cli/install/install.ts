/** Checks, applies, waits, tests, and reports. A second run changes nothing. */
import { connectTo } from '../cluster.ts';
import type { Caller } from '../command.ts';
import { faultsAfterInstallation } from '../doctor/after-installation.ts';
import { type Kubectl, openKubectl } from '../kubectl.ts';
import { type KubernetesObject, listOf, nameOf } from '../objects.ts';
import { Refusal } from '../refusal.ts';
import { resumeRenewal } from '../renewal-suspension.ts';
import { whereItActs } from '../target.ts';
import { NO_SECRET, withPath } from '../webhook-path.ts';
import { type Applying, apply, type Changes } from './apply.ts';
import {
  DISPATCHER_REMEMBERS,
  removeBroker,
  restartSource,
  SOURCE_RESTARTED,
  whyAgain,
} from './broker-again.ts';
import { type Cluster, hasTransportEncryption, readCluster } from './cluster.ts';
import type { InstallOptions } from './command.ts';
import { type Existing, readBrokerAddress, readExisting } from './existing.ts';
import { findIdlePolicies, findLeftOvers } from './left-overs.ts';
import { withoutOthersSecrets } from './others-secrets.ts';
import { isWebhook, renderManifests } from './overlay.ts';
import { makePlan, type Plan } from './plan.ts';
import { rememberConfiguration } from './put-back.ts';
import { untilReady, untilTrusted, type Wait } from './ready.ts';
import { rehearse } from './rehearse.ts';
import { listOfFaults, listOfMissing, whatChanged, whatIsThere, whatNext } from './report.ts';
import { missingIn } from './requirements.ts';
import { missingRights } from './rights.ts';
import { selfTest } from './self-test.ts';

type Say = (line: string) => void;

interface Parts {
  readonly kubectl: Kubectl;
  readonly options: InstallOptions;
  readonly say: Say;
}

/** @returns the exit code. @throws Refusal */
export const install = (options: InstallOptions, caller: Caller): Promise<number> =>
  installOrUpgrade(options, caller, () => {});

/** The same for a cluster that has an installation. @throws Refusal for one that has none. */
export const upgrade = (options: InstallOptions, caller: Caller): Promise<number> =>
  installOrUpgrade(options, caller, ({ configuration }) => {
    if (configuration === undefined)
      throw new Refusal('there is no installation to upgrade: use npx vault-db-injector install');
  });

async function installOrUpgrade(
  options: InstallOptions,
  caller: Caller,
  check: (existing: Existing) => void,
): Promise<number> {
  const { say } = caller.terminal;
  const kubectl = openKubectl(options, caller);
  say(await whereItActs(kubectl));
  const cluster = await readCluster(kubectl);
  const existing = await readExisting(kubectl, cluster.kinds);
  check(existing);
  const plan = await makePlan(options, existing, cluster);
  const manifests = await renderManifests(kubectl, plan);
  const missing = [
    ...missingIn(cluster, manifests, plan.ingress),
    ...(await missingRights(connectTo(options), cluster, manifests)),
  ];
  if (missing.length > 0) {
    say(listOfMissing(missing));
    return 1;
  }
  say(whatIsThere(cluster));
  const own = await withoutOthersSecrets(kubectl, manifests);
  await rehearseAll(kubectl, own, options.forceConflicts, plan);
  if (options.dryRun) {
    if (plan.brokerAgain !== undefined) say(`Would recreate the Broker: ${whyAgain(plan.brokerAgain)}`);
    say(`Would apply: ${own.map(nameOf).join(', ')}`);
    return 0;
  }
  if (plan.brokerAgain !== undefined && !options.yes)
    throw new Refusal(
      `the Broker has to be recreated: ${whyAgain(plan.brokerAgain)}\nTo confirm, add --yes. Nothing was changed.`,
    );
  await applyAll({ kubectl, options, say }, { cluster, plan, manifests, own });
  await mustWork({ kubectl, options, say });
  say(whatNext(plan, cluster));
  return 0;
}

/** @throws Refusal unless the whole path, and each part that doctor can see, is well. */
async function mustWork({ kubectl, options, say }: Parts): Promise<void> {
  const test = {
    namespace: options.selfTestNamespace,
    serviceAccount: options.selfTestServiceAccount,
    role: options.selfTestRole,
  };
  say(`Self-test: ${await selfTest(kubectl, test)}.`);
  const faults = await faultsAfterInstallation(options);
  if (faults.length > 0) throw new Refusal(listOfFaults(faults));
}

/** A different endpoint needs a different CA, which has to replace cainjector's. */
const forWebhook = (force: boolean | undefined, { anotherWay }: Plan): Applying => ({
  force: force || anotherWay,
});

async function rehearseAll(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  force: boolean | undefined,
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

interface Planned {
  readonly cluster: Cluster;
  readonly plan: Plan;
  readonly manifests: readonly KubernetesObject[];
  /** The manifests to apply: without what others manage. */
  readonly own: readonly KubernetesObject[];
}

/**
 * Applies the jobs once the functions are ready with the same image, so that a broken image does not replace what
 * works. Registers the webhook last: no pod waits for a function that does not exist yet.
 */
async function applyAll(
  { kubectl, options, say }: Parts,
  { cluster, plan, manifests, own }: Planned,
): Promise<void> {
  const applying = { force: options.forceConflicts };
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
    if (back.length > 0) say(`Running pods are unaffected: ${back.join(', ')} restored.`);
    throw error;
  });
  if (plan.brokerAgain !== undefined && hasTransportEncryption(cluster)) say(DISPATCHER_REMEMBERS);
  if (await restartSource(kubectl, options.timeout)) say(SOURCE_RESTARTED);
  const broker = await readBrokerAddress(kubectl);
  const final = broker === plan.broker ? manifests : await renderManifests(kubectl, { ...plan, broker });
  // The Broker's address, which the replay job sends to, is known only now unless it is Knative's own.
  changes.push(await apply(kubectl, final.filter(isJob), applying));
  const leftOver = await findLeftOvers(kubectl, cluster.kinds, final);
  // The uninstallation's guard would refuse pods that the webhook gives uuids to.
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
  const applying = forWebhook(options.forceConflicts, plan);
  const changes: Changes[] = [];
  // A pod's creator sees the URL of a function whose certificate the API server does not trust.
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
