/** The renewal job's process: one sweep, one line of report, an exit code. */
import { parseArgs } from 'node:util';
import { deadlineIn } from '../../shared/deadline.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { readClusterUid } from '../../shared/kubernetes/cluster.ts';
import { createNotices } from '../../shared/kubernetes/notices.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createParts, type Parts, refuseToStart } from '../../shared/parts.ts';
import { exitCodeOf, type SweepReport } from './report.ts';
import { sweep } from './sweep.ts';

// The next run must find this one ended.
const SHARE_OF_INTERVAL = 0.8;
const LAST_WORDS_WITHIN_MS = 5_000;

async function main(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const { values } = parseArgs({ args, options: { config: { type: 'string' } } });
  const parts = createParts('renewal', values.config ?? environment['CONFIG_FILE'], {
    environment,
    process: 'renewer',
  });
  const { config, clock, log, metrics, vault } = parts;
  const stopped = new AbortController();
  process.once('SIGTERM', () => stopped.abort(new Error('the job was told to end')));
  const deadline = deadlineIn(config.syncIntervalSeconds * 1_000 * SHARE_OF_INTERVAL, clock, stopped.signal);
  const api = createKubernetesApi();
  const report = await sweep(
    {
      ...vault,
      pods: createPods(api),
      notices: createNotices(api, () => new Date()),
      readClusterUid: (within) => readClusterUid(api, within),
      metrics,
      log,
      now: Date.now,
      random: Math.random,
      options: config,
    },
    deadline,
  );
  await tellReport(report, parts);
  await vault.session
    .close(deadlineIn(LAST_WORDS_WITHIN_MS, clock))
    .catch((error) => log.error('the login could not be revoked', error));
  await parts.reports.flush();
  process.exit(exitCodeOf(report));
}

async function tellReport(report: SweepReport, parts: Parts): Promise<void> {
  const { config, metrics, log } = parts;
  const code = exitCodeOf(report);
  const { vaultRequests, durationMs, braked, ...states } = report;
  metrics.count(code === 0 ? 'synchronization_count_success' : 'synchronization_count_error', {});
  const succeededAt = code === 0 ? Date.now() - durationMs : await lastSuccess(parts);
  metrics.set('last_synchronization_success', {}, succeededAt / 1_000);
  metrics.set('last_synchronization_duration', {}, durationMs / 1_000);
  metrics.set('sweep_braked', {}, braked ? 1 : 0);
  for (const [state, value] of Object.entries(states)) metrics.set('sweep_grants', { state }, value);
  log.sweep('sweep ended', { ...report });
  if (config.metricsPushUrl === undefined) return;
  const job = `vault_db_injector_renewal_${config.shard}`;
  await metrics
    .push(config.metricsPushUrl, job)
    .catch((error) => log.error('metrics could not be pushed', error));
}

/** What is pushed replaces what was: a sweep that failed has to say again when one succeeded. */
async function lastSuccess({ config, clock, log, vault }: Parts): Promise<number> {
  const work = { deadline: deadlineIn(LAST_WORDS_WITHIN_MS, clock), vaultCalls: 0 };
  const last = await vault.sweeps.readLast(config.shard, work).catch((error: unknown) => {
    log.error("the last good sweep's time could not be read", error);
    return undefined;
  });
  work.deadline.release();
  return last?.succeededAt ?? 0;
}

main(process.argv.slice(2), process.env).catch(refuseToStart);
