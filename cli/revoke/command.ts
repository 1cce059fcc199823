/** `revoke`: ends a pod's credentials, or one grant, by hand. */
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { withSecretDeletion } from '../../shared/grants/secret-deletion.ts';
import { createKubernetesApi, KubernetesError } from '../../shared/kubernetes/api.ts';
import { clusterIdIfKnown } from '../../shared/kubernetes/cluster.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { printable } from '../../shared/secret.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import type { Command } from '../command.ts';
import { INSTALLATION_OPTIONS, INSTALLATION_USAGE } from '../installation.ts';
import { flagOption, readCommandLine, textOption } from '../options.ts';
import { Misuse, Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { mustAnswer, openSession } from '../vault-session.ts';
import { findTargets, type Target, type Targets } from './targets.ts';

const NAME = 'npx vault-db-injector revoke';
const usage = `${NAME} POD|UUID [options]

  --namespace NS       namespace of the pod (default: that of the kubeconfig's context)
  --yes                do not ask for confirmation; required without a terminal
${INSTALLATION_USAGE}

Revokes token and lease in Vault, drops the database user and deletes the record. A live pod loses its databases within moments:
it gets new credentials only when it is recreated. Exit code: 0 if all is revoked, 1 if something is not, or nothing was found.
Runs as the renewal job; you need \`create\` on \`serviceaccounts/token\`.`;

const WITHIN_MS = 30_000;
const newDeadline = (): Deadline => deadlineIn(WITHIN_MS, monotonicClock);

export const revokeCommand: Command = {
  usage,
  async run(args, environment, terminal) {
    const entries = { namespace: textOption, yes: flagOption, ...INSTALLATION_OPTIONS };
    const { options, words } = readCommandLine(NAME, entries, args, 1);
    const [what] = words;
    if (what === undefined) throw new Misuse(`Name a pod or grant: ${NAME} POD|UUID\nSee: ${NAME} --help`);
    const api = createKubernetesApi(undefined, options.context);
    const ownNamespace = () =>
      api.namespace().catch((error: unknown) => {
        if (error instanceof KubernetesError) return 'default';
        throw error;
      });
    return openSession({ api, options, environment }, 'renewal', async ({ vault, config }) => {
      await mustAnswer(vault);
      const clusterId = await clusterIdIfKnown(config.clusterId, api, newDeadline());
      const parts = {
        ...vault,
        pods: createPods(api),
        clusterId,
        newDeadline,
        onProgress: terminal.progress,
      };
      const targets = await findTargets(what, options.namespace, ownNamespace, parts);
      if (!options.yes) await confirm(targets, terminal);
      const log = { warn: (message: string) => terminal.say(message) };
      // A live pod keeps its Secret as long as it has other grants.
      const revocation = isWhole(targets)
        ? withSecretDeletion(vault.revocation, createPodSecrets(api), log)
        : vault.revocation;
      return revokeAll(targets, revocation, terminal);
    });
  },
};

/** Whether nothing of the pod is left. */
function isWhole({ grants, pod }: Targets): boolean {
  return (pod?.uuids ?? []).every((uuid) => grants.some((grant) => grant.uuid === uuid));
}

async function confirm({ grants, pod }: Targets, terminal: Terminal): Promise<void> {
  for (const grant of grants) terminal.say(nameOf(grant, pod));
  const loss = pod ? ` Pod ${pod.namespace}/${pod.name} is running, and will lose its databases.` : '';
  const answer = terminal.confirm(
    `Revoke ${grants.length === 1 ? 'this grant' : `these ${grants.length} grants`}?${loss}`,
  );
  if (answer === undefined)
    throw new Refusal('nothing was revoked: there is no terminal to ask on; to confirm, add --yes');
  if (!(await answer)) throw new Refusal('nothing was revoked');
}

async function revokeAll(
  { grants, pod }: Targets,
  revocation: Revocation,
  terminal: Terminal,
): Promise<number> {
  let left = 0;
  for (const { uuid, record } of grants) {
    terminal.progress(`revoking ${uuid} …`);
    const outcome = await revokeOne(uuid, record, revocation);
    if (outcome.symbol !== '✓') left += 1;
    const style = outcome.symbol === '✓' ? 'green' : 'red';
    terminal.say(
      `${terminal.paint(style, outcome.symbol)} ${nameOf({ uuid, record }, pod)}: ${outcome.said}`,
    );
  }
  return left === 0 ? 0 : 1;
}

interface Outcome {
  readonly symbol: '✓' | '✗';
  readonly said: string;
}

async function revokeOne(uuid: string, record: Target['record'], revocation: Revocation): Promise<Outcome> {
  try {
    const outcome = await revocation.revokeGrant(uuid, record, { deadline: newDeadline(), vaultCalls: 0 });
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

/** @param pod that lives and names the grant: the record of a pod with generateName does not contain its name. */
function nameOf({ uuid, record }: Target, pod: Targets['pod']): string {
  const { namespace, podName, database, role, userName } = record;
  const name = podName || pod?.name;
  const whose = name ? `${namespace}/${name}` : `a pod of generateName that is gone (namespace ${namespace})`;
  const facts = [database, role && `role ${role}`, userName && `user ${userName}`].filter(Boolean);
  return printable(`${uuid} of ${whose} (${facts.join(', ') || 'nothing else is known'})`, 300);
}
