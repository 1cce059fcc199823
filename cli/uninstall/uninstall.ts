/**
 * Removes an installation. The webhook goes first: from then on no pod is given credentials, and none waits for a
 * function that does not exist. The rest depends on what lives on: credentials that are kept still have to be
 * renewed, and revoked when their pods are gone, by the same jobs and functions.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { connectTo } from '../cluster.ts';
import type { Caller } from '../command.ts';
import { type DefinedKind, readKinds } from '../install/cluster.ts';
import { runJobOf } from '../jobs/job.ts';
import { type Kubectl, openKubectl } from '../kubectl.ts';
import {
  FIELD_MANAGER,
  find,
  type KubernetesObject,
  NAMESPACE,
  nameOf,
  objectsIn,
  PART_OF,
  WEBHOOK,
} from '../objects.ts';
import { Misuse, Refusal } from '../refusal.ts';
import { isSuspendedByUs, RENEWAL, resumeRenewal, suspendRenewal } from '../renewal-suspension.ts';
import { whereItActs } from '../target.ts';
import type { UninstallOptions } from './command.ts';
import { guard } from './guard.ts';

interface Parts {
  readonly kubectl: Kubectl;
  readonly options: UninstallOptions;
  readonly say: (line: string) => void;
  readonly progress: (what: string) => void;
}

const IN_NAMESPACE = `--namespace=${NAMESPACE}`;
const REVOKE_WITHIN_SECONDS = 3_600;
const READ_WITHIN_MS = 60_000;
/** Kinds that only admission uses; a cluster without Knative or cert-manager lacks some. */
const OF_ADMISSION = [
  ['serving.knative.dev', 'domainmappings'],
  ['networking.internal.knative.dev', 'clusterdomainclaims'],
  ['cert-manager.io', 'certificates'],
  ['cert-manager.io', 'issuers'],
] as const;
const OF_CLUSTER = [
  'validatingadmissionpolicybindings',
  'validatingadmissionpolicies',
  'clusterrolebindings',
  'clusterroles',
];

const IN_OUR_NAMESPACE = [
  'cronjobs',
  'jobs',
  'configmaps',
  'secrets',
  'networkpolicies',
  'rolebindings',
  'roles',
  'serviceaccounts',
];
const WORKLOADS = 'deployments,statefulsets,daemonsets,cronjobs';

/** @returns the exit code. @throws Misuse, Refusal */
export async function uninstall(options: UninstallOptions, caller: Caller): Promise<number> {
  const { say, progress } = caller.terminal;
  if (options.credentials === 'revoke' && !options.yes && !options.dryRun)
    throw new Misuse(
      '--credentials revoke: live pods lose their databases within moments; to confirm, add --yes',
    );
  const kubectl = openKubectl(options, caller);
  const parts = { kubectl, options, say, progress };
  say(await whereItActs(kubectl));
  if (options.dryRun) {
    const pods = await livePods(options);
    say(`Would remove the webhook and the admission function. Live pods with credentials: ${pods.length}.`);
    return 0;
  }
  const kinds = await readKinds(kubectl);
  await removeAdmission(parts, kinds);
  if (options.credentials === 'revoke') await revokeAll(parts);
  else if (await keepForLivePods(parts)) return 0;
  // A pod deleted a moment ago would have nobody left to revoke its grants.
  else if (await findRenewal(kubectl)) await revokeAll(parts);
  await removeAll(parts, kinds);
  return 0;
}

async function removeAdmission(
  { kubectl, options, say }: Parts,
  kinds: readonly DefinedKind[],
): Promise<void> {
  await remove(kubectl, 'mutatingwebhookconfiguration', WEBHOOK);
  say(
    `The webhook is deleted: pods no longer get credentials. Waiting ${options.settle} s for running admissions.`,
  );
  await sleep(options.settle * 1_000);
  const marked = OF_ADMISSION.filter(([group, plural]) => has(kinds, group, plural));
  await removeMarked(
    kubectl,
    marked.map(([group, plural]) => `${plural}.${group}`),
  );
  if (has(kinds, 'serving.knative.dev', 'services'))
    await remove(kubectl, 'services.serving.knative.dev', 'admission');
  await remove(kubectl, 'secret', 'webhook-path', 'webhook-tls', 'webhook-ca');
  const rights = ['vault-db-injector-admission', 'vault-db-injector-service-account-tokens'];
  for (const kind of ['clusterrolebinding', 'clusterrole']) await remove(kubectl, kind, ...rights);
  await remove(kubectl, 'serviceaccount', 'vault-db-injector-admission');
  say('The admission function is deleted.');
}

/** @returns whether there are pods that something has to stay for. */
async function keepForLivePods({ kubectl, options, say }: Parts): Promise<boolean> {
  const pods = await livePods(options);
  if (pods.length === 0) return false;
  await kubectl.text(['apply', '--server-side', `--field-manager=${FIELD_MANAGER}`, '--filename=-'], guard);
  // Suspended by an earlier run that should have revoked everything and could not.
  if (isSuspendedByUs(await findRenewal(kubectl))) await resumeRenewal(kubectl);
  const some = pods.length > 5 ? [...pods.slice(0, 5), '…'] : pods;
  say(
    [
      `${pods.length} live pods keep their credentials (${some.join(', ')}): they are still renewed, and revoked when their pods are deleted.`,
      'When the last pod is gone, run the same command again to remove the rest.',
    ].join('\n'),
  );
  return true;
}

async function findRenewal(kubectl: Kubectl): Promise<KubernetesObject | undefined> {
  const [renewal] = await find(kubectl, [RENEWAL]);
  return renewal;
}

/** `namespace/name` of pods that have credentials. */
async function livePods(options: UninstallOptions): Promise<string[]> {
  using deadline = deadlineIn(READ_WITHIN_MS, monotonicClock);
  const pods = await createPods(connectTo(options)).listLive('vault-db-injector', deadline);
  return pods.flatMap(({ namespace, name, uuids }) => (uuids.length > 0 ? [`${namespace}/${name}`] : []));
}

async function revokeAll({ kubectl, say, progress }: Parts): Promise<void> {
  await suspendRenewal(kubectl);
  say('Renewal is suspended. Revoking all remaining credentials.');
  const { name, succeeded, log } = await runJobOf('renewal', kubectl, {
    args: ['--revoke-all'],
    activeDeadlineSeconds: REVOKE_WITHIN_SECONDS,
    withinMs: (REVOKE_WITHIN_SECONDS + 300) * 1_000,
    progress,
  });
  const last = log.split('\n').at(-1) ?? '';
  if (last !== '') say(last);
  if (succeeded) return;
  throw new Refusal(
    `Not everything could be revoked (Job ${name}): its log says why. Fix that, then run the same command again.`,
  );
}

async function removeAll({ kubectl, options, say }: Parts, kinds: readonly DefinedKind[]): Promise<void> {
  const found = await kubectl.text(['get', OF_CLUSTER.join(','), `--selector=${PART_OF}`, '-o=name']);
  const own = found.split('\n').filter((name) => name.includes('/vault-db-injector-'));
  if (own.length > 0) await kubectl.text(['delete', ...own, '--ignore-not-found']);
  const within = `--timeout=${options.timeout}s`;
  // Deleted by their own controllers while these still run.
  const knative = kinds.filter(({ group }) => /^(?:sources|eventing|serving)\.knative\.dev$/.test(group));
  await removeMarked(
    kubectl,
    knative.map(({ group, plural }) => `${plural}.${group}`),
    within,
  );
  await removeMarked(kubectl, IN_OUR_NAMESPACE);
  const keeps = await whatKeepsTheNamespace(kubectl);
  if (keeps === undefined) await remove(kubectl, 'namespace', NAMESPACE, within);
  const rest = keeps === undefined ? '' : `, except the namespace ${NAMESPACE}: ${keeps}`;
  say(`Everything is removed${rest}. Roles, policies and the ledger in Vault were not changed.`);
}

/** Undefined if it may go. The Go injector's namespace has the same name, and an operator may have added more to it. */
async function whatKeepsTheNamespace(kubectl: Kubectl): Promise<string | undefined> {
  const [namespace] = objectsIn(await kubectl.json(['get', 'namespace', NAMESPACE, '--ignore-not-found']));
  if (namespace?.metadata.labels?.['app.kubernetes.io/part-of'] !== 'vault-db-injector')
    return 'it is not labelled as ours';
  const others = objectsIn(
    await kubectl.json(['get', WORKLOADS, IN_NAMESPACE, `--selector=${PART_OF.replace('=', '!=')}`]),
  );
  // What Knative derived from our objects is deleted with them.
  const strangers = others.filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
  if (strangers.length === 0) return undefined;
  return `it contains other objects (${strangers.map(nameOf).join(', ')})`;
}

async function removeMarked(
  kubectl: Kubectl,
  kinds: readonly string[],
  ...options: readonly string[]
): Promise<void> {
  if (kinds.length > 0) await remove(kubectl, kinds.join(','), `--selector=${PART_OF}`, ...options);
}

async function remove(kubectl: Kubectl, kind: string, ...what: readonly string[]): Promise<void> {
  await kubectl.text(['delete', kind, ...what, IN_NAMESPACE, '--ignore-not-found']);
}

function has(kinds: readonly DefinedKind[], group: string, plural: string): boolean {
  return kinds.some((one) => one.group === group && one.plural === plural);
}
