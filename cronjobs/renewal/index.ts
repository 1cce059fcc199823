/** The renewal job's process: one sweep, one line of report, an exit code; with `--revoke-all` it ends all grants. */
import { parseArgs } from 'node:util';
import { deadlineIn } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { withSecretDeletion } from '../../shared/grants/secret-deletion.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { readClusterUid } from '../../shared/kubernetes/cluster.ts';
import { createNotices } from '../../shared/kubernetes/notices.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { refuseToStart } from '../../shared/runtime.ts';
import { intervalOf } from '../../shared/schedule.ts';
import { pushLast } from '../../shared/telemetry/last-push.ts';
import { listenForTermination } from '../../shared/termination.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import { createVaultRuntime, type VaultRuntime } from '../../shared/vault-runtime.ts';
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
  const end = listenForTermination();
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string' }, 'revoke-all': { type: 'boolean', default: false } },
  });
  const runtime = createVaultRuntime('renewal', environment, values.config);
  const work = values['revoke-all'] ? endAll : sweepOnce;
  const code = await work(runtime, end.signal).finally(() => logOut(runtime));
  await runtime.reports.flush();
  process.exit(code);
}

async function logOut({ vault, clock, log }: VaultRuntime): Promise<void> {
  using deadline = deadlineIn(LAST_WORDS_WITHIN_MS, clock);
  await vault.session.close(deadline).catch((error) => log.error('the login could not be revoked', error));
}

async function sweepOnce(runtime: VaultRuntime, stopped: AbortSignal): Promise<number> {
  const { config, clock, log, metrics, vault } = runtime;
  using deadline = deadlineIn(config.syncIntervalSeconds * 1_000 * SHARE_OF_INTERVAL, clock, stopped);
  const interval = await intervalOf(config, new Date());
  const api = createKubernetesApi();
  const secrets = createPodSecrets(api);
  const report = await sweep(
    {
      ...vault,
      pods: createPods(api),
      notices: createNotices(api, () => new Date(vault.time.now())),
      secrets,
      revocation: withSecretDeletion(vault.revocation, secrets, log),
      readClusterUid: (within) => readClusterUid(api, within),
      metrics,
      log,
      random: Math.random,
      options: { ...config, syncIntervalSeconds: interval.seconds },
    },
    deadline,
  );
  await publishReport(report, runtime);
  if (interval.fault !== undefined)
    log.error('the sweeps may be too infrequent', new InjectorError('configuration_invalid', interval.fault));
  return exitCodeOf(report) || (interval.fault === undefined ? 0 : 1);
}

/** Runs instead of a sweep when the installation is removed: see revoke-all.ts. */
async function endAll(
  { config, clock, log, metrics, vault }: VaultRuntime,
  stopped: AbortSignal,
): Promise<number> {
  const api = createKubernetesApi();
  const { clusterId } = config;
  using deadline = deadlineIn(REVOKE_ALL_WITHIN_MS, clock, stopped);
  try {
    const report = await revokeAll(
      {
        ...vault,
        revocation: withSecretDeletion(vault.revocation, createPodSecrets(api), log),
        metrics,
        clock,
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

async function publishReport(report: SweepReport, runtime: VaultRuntime): Promise<void> {
  const { config, metrics, log, vault } = runtime;
  const code = exitCodeOf(report);
  const succeededAt = code === 0 ? vault.time.now() - report.durationMs : await lastSuccess(runtime);
  if (succeededAt !== undefined) metrics.set('last_synchronization_success', {}, succeededAt / 1_000);
  measureSweep(report, code, runtime);
  log.sweep('sweep ended', { ...report });
  // A sweep that could not read its memory knows nothing of the grants: the last pushed figures stay.
  await pushLast(runtime, `vault_db_injector_renewal_${config.shard}`, code !== 0);
}

/** 0 if no sweep ever succeeded; `undefined` if unknown. */
async function lastSuccess({ config, clock, log, vault }: VaultRuntime): Promise<number | undefined> {
  using deadline = deadlineIn(LAST_WORDS_WITHIN_MS, clock);
  try {
    return (await vault.sweeps.readLast(config.shard, beginWork(deadline)))?.succeededAt ?? 0;
  } catch (error) {
    log.error('the time of the last complete sweep could not be read', error);
    return undefined;
  }
}

main(process.argv.slice(2), process.env).catch(refuseToStart);
