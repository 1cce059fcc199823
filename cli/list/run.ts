/** `list`: who has which credentials, until when, and whether they are renewed. */
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { type KubernetesApi, KubernetesError } from '../../shared/kubernetes/api.ts';
import { clusterIdIfKnown } from '../../shared/kubernetes/cluster.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import type { Caller } from '../command.ts';
import { formatted } from '../formatted.ts';
import { Refusal } from '../refusal.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { inVault } from '../vault-session.ts';
import type { ListOptions } from './command.ts';
import { type ListedGrant, type Listing, listGrants } from './grants.ts';

const STYLES = { ok: 'green', overdue: 'red', orphaned: 'yellow', unknown: 'yellow' } as const;
const WITHIN_MS = 30_000;
const newDeadline = () => deadlineIn(WITHIN_MS, monotonicClock);

/** @returns the exit code. */
export async function list(options: ListOptions, { environment, terminal }: Caller): Promise<number> {
  const now = Date.now();
  const listing = await inVault({ options, environment }, 'renewal', async ({ vault, config, api }) => {
    const clusterId = await clusterIdIfKnown(config.clusterId, api, newDeadline());
    const pods = createPods(api);
    const { progress: onProgress } = terminal;
    const parts = { ...vault, pods, config, clusterId, now, newDeadline, onProgress };
    const found = await listGrants(parts, options);
    if (found.grants.length === 0 && options.namespace !== undefined) await mustExist(options.namespace, api);
    return found;
  });
  const { output } = options;
  if (output === 'json' || output === 'yaml') terminal.say(formatted(output, listing));
  else if (output === 'name') for (const { uuid } of listing.grants) terminal.say(uuid);
  else show(listing, { now, isWide: output === 'wide' }, terminal);
  return 0;
}

/** @throws Refusal for a namespace that is not there; the caller may not be allowed to see whether it is. */
async function mustExist(namespace: string, api: KubernetesApi): Promise<void> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  try {
    await api.send({ method: 'GET', path, deadline: newDeadline() });
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.status === 404) throw new Refusal(`there is no namespace "${namespace}", and no grant of it`);
  }
}

interface View {
  readonly now: number;
  readonly isWide: boolean;
}
type Column = readonly [head: string, cell: (grant: ListedGrant) => string, isWideOnly?: true];

function show({ grants, foreign }: Listing, { now, isWide }: View, terminal: Terminal): void {
  const columns = columnsAt(now, terminal).filter(([, , isWideOnly]) => isWide || !isWideOnly);
  const rows = grants.map((grant) => columns.map(([, cell]) => cell(grant)));
  const heads = columns.map(([head]) => head);
  for (const line of table(terminal, heads, rows)) terminal.say(line);
  if (!terminal.isPerson) return;
  const others = foreign > 0 ? `; ${foreign} more belong to other clusters` : '';
  terminal.say(`${grants.length} ${grants.length === 1 ? 'grant' : 'grants'}${others}`);
}

function columnsAt(now: number, { paint }: Terminal): Column[] {
  const named = (value: string) => printable(value, 80) || '-';
  const time = (at: number | undefined) => (at === undefined ? '-' : fromNow(at - now));
  return [
    ['NAMESPACE', ({ namespace }) => named(namespace)],
    ['POD', ({ pod }) => named(pod)],
    ['DATABASE', ({ database }) => named(database)],
    ['ROLE', ({ role }) => named(role)],
    ['USER', ({ user }) => named(user)],
    ['ISSUED', ({ issuedAt }) => time(issuedAt), true],
    ['LEASE ENDS', ({ leaseEndsAt }) => time(leaseEndsAt)],
    ['TOKEN ENDS', ({ tokenEndsAt }) => time(tokenEndsAt), true],
    ['RENEWAL', ({ renewalAt }) => time(renewalAt)],
    ['STATE', ({ state }) => paint(STYLES[state], state)],
    ['UUID', ({ uuid }) => uuid],
  ];
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
