/** The renewal job's process: one sweep, one line of report, an exit code; with `--revoke-all` it ends all grants. */
import { parseArgs } from 'node:util';
import { deadlineIn } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { readClusterUid } from '../../shared/kubernetes/cluster.ts';
import { createNotices } from '../../shared/kubernetes/notices.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { createParts, type Parts } from '../../shared/parts.ts';
import { intervalOf } from '../../shared/schedule.ts';
import { refuseToStart } from '../../shared/surroundings.ts';
import { pushLast } from '../../shared/telemetry/last-push.ts';
import { hearSignals } from '../../shared/told-to-end.ts';
import { withSecrets } from '../../shared/withdrawal.ts';
import { measureSweep } from './measure.ts';
import { exitCodeOf, type SweepReport } from './report.ts';
import { exitCodeOfAll, revokeAll } from './revoke-all.ts';
import { sweep } from './sweep.ts';

// The next run must not overlap with this one.
const SHARE_OF_INTERVAL = 0.8;
const LAST_WORDS_WITHIN_MS = 5_000;
// The uninstallation's Job has an hour.
const REVOKE_ALL_WITHIN_MS = 55 * 60_000;

async function main(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const end = hearSignals();
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string' }, 'revoke-all': { type: 'boolean', default: false } },
  });
  const parts = createParts('renewal', values.config ?? environment['CONFIG_FILE'], {
    environment,
    process: 'renewer',
  });
  const work = values['revoke-all'] ? endAll : sweepOnce;
  const code = await work(parts, end.signal).finally(() => logOut(parts));
  await parts.reports.flush();
  process.exit(code);
}

async function logOut({ vault, clock, log }: Parts): Promise<void> {
  await vault.session
    .close(deadlineIn(LAST_WORDS_WITHIN_MS, clock))
    .catch((error) => log.error('the login could not be revoked', error));
}

async function sweepOnce(parts: Parts, stopped: AbortSignal): Promise<number> {
  const { config, clock, log, metrics, vault } = parts;
  const deadline = deadlineIn(config.syncIntervalSeconds * 1_000 * SHARE_OF_INTERVAL, clock, stopped);
  const interval = await intervalOf(config, new Date());
  const api = createKubernetesApi();
  const secrets = createPodSecrets(api);
  const report = await sweep(
    {
      ...vault,
      pods: createPods(api),
      notices: createNotices(api, () => new Date(vault.time.now())),
      secrets,
      revocation: withSecrets(vault.revocation, secrets, log),
      readClusterUid: (within) => readClusterUid(api, within),
      metrics,
      log,
      random: Math.random,
      options: { ...config, syncIntervalSeconds: interval.seconds },
    },
    deadline,
  );
  await tellReport(report, parts);
  if (interval.fault !== undefined)
    log.error('the sweeps may be too infrequent', new InjectorError('configuration_invalid', interval.fault));
  return exitCodeOf(report) || (interval.fault === undefined ? 0 : 1);
}

/** Runs instead of a sweep when the installation is removed: see revoke-all.ts. */
async function endAll({ config, clock, log, vault }: Parts, stopped: AbortSignal): Promise<number> {
  const api = createKubernetesApi();
  const { clusterId } = config;
  const deadline = deadlineIn(REVOKE_ALL_WITHIN_MS, clock, stopped);
  try {
    const report = await revokeAll(
      {
        ...vault,
        revocation: withSecrets(vault.revocation, createPodSecrets(api), log),
        log,
        clusterId,
        readClusterUid: (within) => readClusterUid(api, within),
      },
      deadline,
    );
    log.sweep('all grants revoked', { ...report });
    return exitCodeOfAll(report);
  } catch (error) {
    log.error('nothing is revoked', error);
    return 1;
  }
}

async function tellReport(report: SweepReport, parts: Parts): Promise<void> {
  const { config, metrics, log, vault } = parts;
  const code = exitCodeOf(report);
  const succeededAt = code === 0 ? vault.time.now() - report.durationMs : await lastSuccess(parts);
  if (succeededAt !== undefined) metrics.set('last_synchronization_success', {}, succeededAt / 1_000);
  measureSweep(report, code, parts);
  log.sweep('sweep ended', { ...report });
  // A sweep that could not read its memory knows nothing of the grants: the last pushed figures stay.
  await pushLast(parts, `vault_db_injector_renewal_${config.shard}`, code !== 0);
}

/** 0 if no sweep ever succeeded; `undefined` if unknown. */
async function lastSuccess({ config, clock, log, vault }: Parts): Promise<number | undefined> {
  const work = { deadline: deadlineIn(LAST_WORDS_WITHIN_MS, clock), vaultCalls: 0 };
  try {
    return (await vault.sweeps.readLast(config.shard, work))?.succeededAt ?? 0;
  } catch (error) {
    log.error('the time of the last complete sweep could not be read', error);
    return undefined;
  } finally {
    work.deadline.release();
  }
}

main(process.argv.slice(2), process.env).catch(refuseToStart);
