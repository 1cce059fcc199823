/** `list`: who has which credentials, until when, and whether they are renewed. */
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { clusterIdIfKnown } from '../../shared/kubernetes/cluster.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import type { Command } from '../command.ts';
import { INSTALLATION_OPTIONS, INSTALLATION_USAGE } from '../installation.ts';
import { flagOption, readArguments, textOption } from '../options.ts';
import { type Terminal, table } from '../terminal.ts';
import { mustAnswer, openSession } from '../vault-session.ts';
import { type ListedGrant, type Listing, listGrants } from './grants.ts';

const usage = `npx vault-db-injector list [options]

  --namespace NS       this namespace only
  --json               output for programs: all fields, times as milliseconds since 1970
${INSTALLATION_USAGE}

Prints a table on a terminal; in a pipe, one line per grant with tab-separated columns and no header.
  ok        renewed in time
  overdue   should have been renewed: look at the renewal job
  orphaned  no live pod names it: the next sweep revokes it
  unknown   a pod names it but it is not in the ledger, or no sweep has seen it yet
Runs as the renewal job; you need \`create\` on \`serviceaccounts/token\`.`;

const HEADS = [
  'NAMESPACE',
  'POD',
  'DATABASE',
  'ROLE',
  'USER',
  'ISSUED',
  'LEASE ENDS',
  'TOKEN ENDS',
  'RENEWAL',
  'STATE',
  'UUID',
];
const STYLES = { ok: 'green', overdue: 'red', orphaned: 'yellow', unknown: 'yellow' } as const;
const WITHIN_MS = 30_000;

export const listCommand: Command = {
  usage,
  async run(args, environment, terminal) {
    const entries = { namespace: textOption, json: flagOption, ...INSTALLATION_OPTIONS };
    const options = readArguments('npx vault-db-injector list', entries, args);
    const api = createKubernetesApi(undefined, options.context);
    const newDeadline = () => deadlineIn(WITHIN_MS, monotonicClock);
    const now = Date.now();
    const listing = await openSession({ api, options, environment }, 'renewal', async (session) => {
      const { vault, config } = session;
      await mustAnswer(vault);
      const clusterId = await clusterIdIfKnown(config.clusterId, api, newDeadline());
      const pods = createPods(api);
      const { progress: onProgress } = terminal;
      return listGrants(
        { ...vault, pods, config, clusterId, now, newDeadline, onProgress },
        options.namespace,
      );
    });
    if (options.json) terminal.say(JSON.stringify(listing, null, 2));
    else show(listing, now, terminal);
    return 0;
  },
};

function show({ grants, foreign }: Listing, now: number, terminal: Terminal): void {
  const rows = grants.map((grant) => rowOf(grant, now, terminal));
  for (const line of table(terminal, HEADS, rows)) terminal.say(line);
  if (!terminal.isPerson) return;
  const others = foreign > 0 ? `; ${foreign} more belong to other clusters` : '';
  terminal.say(`${grants.length} ${grants.length === 1 ? 'grant' : 'grants'}${others}`);
}

function rowOf(grant: ListedGrant, now: number, { isPerson, paint }: Terminal): string[] {
  const { namespace, pod, database, role, user, state, uuid } = grant;
  const time = (at: number | undefined) => {
    if (at === undefined) return '-';
    return isPerson ? fromNow(at - now) : new Date(at).toISOString();
  };
  const times = [grant.issuedAt, grant.leaseEndsAt, grant.tokenEndsAt, grant.renewalAt].map(time);
  const texts = [namespace, pod, database, role, user].map((text) => printable(text, 80) || '-');
  return [...texts, ...times, paint(STYLES[state], state), uuid];
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `3h ago`, `in 12m`. */
function fromNow(ms: number): string {
  const size = Math.abs(ms);
  const [unit, length] = UNITS.find(([, one]) => size >= 2 * one) ?? ['s', 1_000];
  const amount = `${Math.round(size / length)}${unit}`;
  return ms < 0 ? `${amount} ago` : `in ${amount}`;
}
