/** Everything a sweep reads before it acts: its memory, the cluster's identity, the ledger, then the pods. */
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { claimsOf } from '../../shared/grants/claims.ts';
import { isGrantUuid } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { Attempt } from './attempt.ts';
import type { Found, SweepDependencies } from './context.ts';
import { identify } from './identity.ts';
import type { SweepReport } from './report.ts';
import { shardOf } from './shard.ts';

// Half of the time is kept for renewals, which do not need the API server.
const SHARE_FOR_KUBERNETES = 0.5;

interface Reading {
  readonly work: Work;
  readonly attempt: Attempt;
  readonly report: SweepReport;
}

export interface Read extends Found {
  /** The memory as it was read: only differences are written back. */
  readonly remembered: ReadonlyMap<string, GrantState>;
}

/** @param deadline of the whole sweep. */
export async function readAll(
  dependencies: SweepDependencies,
  deadline: Deadline,
  reading: Reading,
): Promise<Read> {
  const { options, metrics } = dependencies;
  const { work, attempt, report } = reading;
  using within = deadlineIn(deadline.remainingMs() * SHARE_FOR_KUBERNETES, monotonicClock, deadline.signal);
  const remembered =
    (await attempt(
      'its memory could not be read',
      dependencies.sweeps.readIndex(options.shard, options.shards, work),
    )) ?? new Map<string, GrantState>();
  const identity = await attempt(
    'the cluster could not be identified',
    identify(dependencies, report, work, within),
  );
  // The ledger first: a pod admitted in between is then in the list of pods, or its grant is too young to matter.
  const names = await attempt('the ledger could not be listed', dependencies.ledger.list(work));
  const pods = await attempt(
    'the pods could not be listed',
    dependencies.pods.listLive(options.injectorLabel, within),
  );
  metrics.count(pods ? 'fetch_pods_success_count' : 'fetch_pods_error_count', {});
  return {
    remembered,
    index: new Map([...remembered].filter(([uuid]) => shardOf(uuid, options.shards) === options.shard)),
    names,
    livePods: pods,
    claims: claimsOf(pods ?? [], isGrantUuid),
    clusterId: identity?.clusterId,
    contested: identity?.contested ?? true,
  };
}
