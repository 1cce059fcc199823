/** `revoke`: ends credentials of pods, or single grants, by hand. */
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { withSecretDeletion } from '../../shared/grants/secret-deletion.ts';
import { KubernetesError } from '../../shared/kubernetes/api.ts';
import { clusterIdIfKnown } from '../../shared/kubernetes/cluster.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { printable } from '../../shared/secret.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import type { Caller } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { inVault } from '../vault-session.ts';
import type { RevokeOptions } from './command.ts';
import { findTargets, mustBeNamed, type Target } from './targets.ts';

const WITHIN_MS = 30_000;
const newDeadline = (): Deadline => deadlineIn(WITHIN_MS, monotonicClock);

/** @returns the exit code. */
export async function revoke(
  what: readonly string[],
  options: RevokeOptions,
  { environment, terminal }: Caller,
): Promise<number> {
  const wanted = { ...options, what };
  mustBeNamed(wanted);
  return inVault({ options, environment }, 'renewal', async ({ vault, config, api }) => {
    const clusterId = await clusterIdIfKnown(config.clusterId, api, newDeadline());
    const ownNamespace = () =>
      api.namespace().catch((error: unknown) => {
        if (error instanceof KubernetesError) return 'default';
        throw error;
      });
    const { ledger } = vault;
    const { injectorLabel } = config;
    const { progress: onProgress } = terminal;
    const pods = createPods(api);
    const unreadable: string[] = [];
    const targets = await findTargets(wanted, {
      ledger,
      pods,
      injectorLabel,
      clusterId,
      ownNamespace,
      newDeadline,
      onProgress,
      onUnreadable: (uuid) => unreadable.push(uuid),
    });
    if (!options.yes) await confirm(targets, terminal);
    const log = { warn: (message: string) => terminal.say(message) };
    const wholly = withSecretDeletion(vault.revocation, createPodSecrets(api), log);
    // A live pod keeps its Secret as long as it has other grants.
    const revocationOf = (target: Target) => (isWhole(target, targets) ? wholly : vault.revocation);
    const code = await revokeAll(targets, revocationOf, terminal);
    for (const uuid of unreadable)
      terminal.say(
        `${terminal.paint('red', '✗')} grant ${uuid}: its record cannot be read, so it may be meant, too`,
      );
    return unreadable.length > 0 ? 1 : code;
  });
}

/** Whether nothing of the pod is left. */
function isWhole({ pod }: Target, targets: readonly Target[]): boolean {
  return (pod?.uuids ?? []).every((uuid) => targets.some((target) => target.uuid === uuid));
}

async function confirm(targets: readonly Target[], terminal: Terminal): Promise<void> {
  for (const target of targets) terminal.say(nameOf(target));
  const pods = new Set(targets.flatMap(({ pod }) => (pod ? [`${pod.namespace}/${pod.name}`] : [])));
  const [first] = pods;
  if (pods.size === 1) terminal.say(`Pod ${first} is running, and will lose its databases.`);
  if (pods.size > 1) terminal.say(`${pods.size} running pods will lose their databases.`);
  const these = targets.length === 1 ? 'this grant' : `these ${targets.length} grants`;
  await terminal.mustConfirm(`Revoke ${these}?`, 'nothing was revoked');
}

async function revokeAll(
  targets: readonly Target[],
  revocationOf: (target: Target) => Revocation,
  terminal: Terminal,
): Promise<number> {
  let left = 0;
  for (const target of targets) {
    terminal.progress(`revoking ${target.uuid} …`);
    const { symbol, said } = await revokeOne(target, revocationOf(target));
    if (symbol !== '✓') left += 1;
    terminal.say(`${terminal.paint(symbol === '✓' ? 'green' : 'red', symbol)} ${nameOf(target)}: ${said}`);
  }
  return left === 0 ? 0 : 1;
}

interface Outcome {
  readonly symbol: '✓' | '✗';
  readonly said: string;
}

async function revokeOne({ uuid, record }: Target, revocation: Revocation): Promise<Outcome> {
  try {
    const outcome = await revocation.revokeGrant(uuid, record, beginWork(newDeadline()));
    if (outcome.state === 'revoked')
      return { symbol: '✓', said: 'revoked; its database user is dropped and its record deleted' };
    const why = outcome.reason === '' ? '' : ` (${outcome.reason})`;
    return {
      symbol: '✗',
      said: `its token is revoked, but Vault could not drop the database user yet${why}; the renewal job will retry`,
    };
  } catch (error) {
    if (error instanceof InjectorError) return { symbol: '✗', said: `not revoked: ${error.message}` };
    throw error;
  }
}

/** The record of a pod with generateName does not contain its name: that of the live pod is used. */
function nameOf({ uuid, record, pod }: Target): string {
  const { namespace, podName, database, role, userName } = record;
  const name = podName || pod?.name;
  const whose = name ? `${namespace}/${name}` : `a pod of generateName that is gone (namespace ${namespace})`;
  const facts = [database, role && `role ${role}`, userName && `user ${userName}`].filter(Boolean);
  return printable(`${uuid} of ${whose} (${facts.join(', ') || 'nothing else is known'})`, 300);
}
