/** What an hour of five-minute sweeps asks of Vault for pods with leases of an hour: the clock is handed in, all else is real. */

import { stringify } from 'yaml';
import { sweep } from '../../cronjobs/renewal/sweep.ts';
import { parseConfig } from '../../shared/config.ts';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { readClusterUid } from '../../shared/kubernetes/cluster.ts';
import { createNotices } from '../../shared/kubernetes/notices.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { createErrorReports } from '../../shared/telemetry/error-reports.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createMetrics } from '../../shared/telemetry/metrics.ts';
import { createVault } from '../../shared/vault/index.ts';
import { configurationFor, containerOf } from '../stack/function.ts';
import type { AttachedStack } from '../stack/index.ts';
import { vaultRequests } from './admission.ts';
import { report } from './figures.ts';
import { benchPod } from './pod.ts';

const PODS = 200;
const INTERVAL_MS = 300_000;
const SWEEPS_AN_HOUR = 12;

export async function benchSweepBudget(stack: AttachedStack): Promise<void> {
  for (let pod = 0; pod < PODS; pod += 1) await createPod(stack, pod);
  const startedAt = Date.now();
  let sweeps = 0;
  const sweepOnce = async () => {
    sweeps += 1;
    await sweepAt(stack, startedAt + sweeps * INTERVAL_MS);
  };
  const hour = async () => {
    const before = await vaultRequests(stack);
    for (let count = 0; count < SWEEPS_AN_HOUR; count += 1) await sweepOnce();
    return ((await vaultRequests(stack)) - before) / PODS / SWEEPS_AN_HOUR;
  };
  report('sweep.requests_per_pod', await hour(), 'requests/pod/sweep', '≤ 0.3');
  report('sweep.requests_per_pod_next_hour', await hour(), 'requests/pod/sweep', '≤ 0.3');
}

async function createPod({ kubernetes }: AttachedStack, index: number): Promise<void> {
  const pod = benchPod({ name: `budget-${index}` });
  await kubernetes.call('POST', `/api/v1/namespaces/${pod.metadata.namespace}/pods`, pod);
}

/** A process' whole sweep, its login and logout included. */
async function sweepAt({ description }: AttachedStack, now: number): Promise<void> {
  const keys = configurationFor(description.functions, 'renewal');
  const { kubeconfig } = containerOf(description.functions, 'renewal');
  const config = parseConfig({ file: stringify(keys), environment: {}, process: 'renewal' });
  const vault = createVault(config.vault, monotonicClock, () => {});
  const api = createKubernetesApi(kubeconfig);
  using deadline = deadlineIn(INTERVAL_MS, monotonicClock);
  const found = await sweep(
    {
      ...vault,
      pods: createPods(api),
      notices: createNotices(api, () => new Date(now)),
      secrets: createPodSecrets(api),
      readClusterUid: (within) => readClusterUid(api, within),
      metrics: createMetrics({ process: 'renewal', uuidLabel: false }),
      log: createLogger(
        { level: 'error', name: 'bench', onTerminal: false },
        createErrorReports('bench', undefined, { onUnavailable: () => {} }),
      ),
      time: { now: () => now, skewMs: () => 0 },
      random: Math.random,
      options: config,
    },
    deadline,
  );
  if (found.live !== PODS || found.failed > 0)
    throw new Error(`a sweep went wrong: ${JSON.stringify(found)}`);
  await vault.session.close(deadline);
  vault.close();
}
