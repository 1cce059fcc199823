/** Sweeps over a fleet, at whatever time a test says it is; all but the clock is real. */

import type { SweepDependencies } from '../../../cronjobs/renewal/context.ts';
import { exitCodeOf, type SweepReport } from '../../../cronjobs/renewal/report.ts';
import { sweep } from '../../../cronjobs/renewal/sweep.ts';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { withSecretDeletion } from '../../../shared/grants/secret-deletion.ts';
import { createKubernetesApi } from '../../../shared/kubernetes/api.ts';
import { readClusterUid } from '../../../shared/kubernetes/cluster.ts';
import { createNotices } from '../../../shared/kubernetes/notices.ts';
import { createPods } from '../../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../../shared/kubernetes/secrets.ts';
import { createMetrics } from '../../../shared/telemetry/metrics.ts';
import { createVault } from '../../../shared/vault/index.ts';
import { containerOf } from '../../stack/function.ts';
import { createKeptLog, type LogLine } from '../../support/kept-log.ts';
import { configurationWith, type Fleet, type Keys } from './fleet.ts';
import { parseMetrics, type Samples } from './metrics.ts';
import { stack } from './stack.ts';

export interface SweepWishes {
  /** Configuration added to the fleet's. */
  readonly keys?: Keys;
  readonly shard?: number;
  readonly within?: number;
  readonly random?: () => number;
  /** Parts in place of the real ones. */
  readonly parts?: (real: SweepDependencies) => Partial<SweepDependencies>;
}

export interface Swept {
  readonly report: SweepReport;
  readonly code: number;
  readonly log: readonly LogLine[];
  /** Names without their common beginning. */
  readonly metrics: Samples;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const LOGOUT_WITHIN_MS = 1_000;
/** Later than any pod may still be in admission. */
export const AFTER_GRACE = 3 * MINUTE;

/** One sweep, with the login before and the logout after it, as the job's process has them. */
export async function sweepAt(now: number, fleet: Fleet, wishes: SweepWishes = {}): Promise<Swept> {
  const { keys = {}, shard = 0, within = MINUTE, random = Math.random, parts = () => ({}) } = wishes;
  const environment = { JOB_COMPLETION_INDEX: String(shard) };
  const config = configurationWith({ ...fleet.keys, ...keys }, 'renewal', environment);
  const vault = createVault(config.vault, monotonicClock, () => {});
  const api = createKubernetesApi(containerOf(stack.description.functions, 'renewal').kubeconfig);
  const secrets = createPodSecrets(api);
  const metrics = createMetrics({ process: 'renewal', uuidLabel: config.metrics.uuidLabel });
  const { log, lines } = createKeptLog();
  using deadline = deadlineIn(within, monotonicClock);
  const real: SweepDependencies = {
    ...vault,
    pods: createPods(api),
    notices: createNotices(api, () => new Date(now)),
    secrets,
    revocation: withSecretDeletion(vault.revocation, secrets, log),
    readClusterUid: (until) => readClusterUid(api, until),
    metrics,
    log,
    time: { now: () => now, skewMs: () => 0 },
    random,
    options: config,
  };
  const report = await sweep({ ...real, ...parts(real) }, deadline);
  using goodbye = deadlineIn(LOGOUT_WITHIN_MS, monotonicClock);
  await vault.session.close(goodbye).catch(() => {});
  vault.close();
  const samples = Object.entries(parseMetrics((await metrics.expose()).text));
  return {
    report,
    code: exitCodeOf(report),
    log: lines,
    metrics: Object.fromEntries(
      samples.map(([name, value]) => [name.replace(/^vault_injector_/, ''), value]),
    ),
  };
}

/** That much later than it really is. */
export const sweepIn = (later: number, fleet: Fleet, wishes?: SweepWishes) =>
  sweepAt(Date.now() + later, fleet, wishes);
