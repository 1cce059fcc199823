/** An outage of Vault, as the alerts tell it: on a real Prometheus and Pushgateway, sixty times faster than it would be. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startPrometheus } from '../../stack/monitoring/prometheus.ts';
import { startPushgateway } from '../../stack/monitoring/pushgateway.ts';
import { queryNow } from '../../stack/monitoring/query.ts';
import { stackRoot } from '../../stack/paths.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { pushAsJob } from '../support/monitoring/push.ts';
import { sampleJob } from '../support/monitoring/sample-figures.ts';

const HURRY = 60;
const INTERVAL = 300 / HURRY;

const folder = join(stackRoot, `e2e-alerts-${process.pid}`);
const processes = createProcesses();
const pushgateway = await startPushgateway(processes, folder);
// Twice for the second namespace, three times as long for the third.
const job = sampleJob({ intervalSeconds: INTERVAL, leaseSeconds: 5 * INTERVAL });
let vaultIsThere = true;
const sweep = () => pushAsJob(pushgateway.url, vaultIsThere ? job.sweep() : job.sweepWithoutVault());
await sweep();
const sweeps = setInterval(() => void sweep(), INTERVAL * 1_000);

const prometheus = await startPrometheus(processes, {
  folder,
  targets: [{ job: 'pushgateway', url: pushgateway.url }],
  hurry: HURRY,
});
afterAll(async () => {
  clearInterval(sweeps);
  await processes.stop();
  await rm(folder, { recursive: true, force: true });
});

async function firing(): Promise<string[]> {
  const alerts = await queryNow(prometheus.url, 'ALERTS{alertstate="firing", severity!="info"}');
  return alerts
    .map(({ labels: { alertname = '', namespace } }) => (namespace ? `${alertname} ${namespace}` : alertname))
    .toSorted();
}

const within = { timeout: 60_000, interval: 250 };
const atRisk = (namespace: string) => `VaultInjectorCredentialsAtRisk ${namespace}`;
// Its leases reach their max_ttl in any case, and while Vault is away nobody knows it.
const ENDING = 'VaultInjectorMaxTtlNear reports';

test('what is known to end is told, and nothing else', async () => {
  await expect.poll(firing, within).toEqual([ENDING]);
});

test('Vault is away: that, then whose credentials end first, and whose next', async () => {
  vaultIsThere = false;
  const away = ['VaultInjectorSweepFailing', 'VaultInjectorVaultUnreachable'];
  await expect.poll(firing, within).toEqual([atRisk('orders'), ...away]);
  await expect.poll(firing, within).toEqual([atRisk('billing'), atRisk('orders'), ...away]);
});

test('Vault is back: there is nothing left to do', async () => {
  vaultIsThere = true;
  await expect.poll(firing, within).toEqual([ENDING]);
});
