/** The dashboard and the alerts on a real Prometheus, which scrapes functions, and a real Pushgateway, which the job pushes to. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, expect, test } from 'vitest';
import { drawDashboard } from '../../picture/picture.ts';
import { requestJson } from '../../stack/http.ts';
import { startPrometheus } from '../../stack/monitoring/prometheus.ts';
import { startPushgateway } from '../../stack/monitoring/pushgateway.ts';
import { queryNow } from '../../stack/monitoring/query.ts';
import { stackRoot } from '../../stack/paths.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { expectAllQueriesAnswer } from '../support/monitoring/dashboard-queries.ts';
import { pushAsJob } from '../support/monitoring/push.ts';
import { sampleJob, serveSampleFunctions } from '../support/monitoring/sample-figures.ts';

const folder = join(stackRoot, `e2e-monitoring-${process.pid}`);
const processes = createProcesses();
const functions = await serveSampleFunctions();
afterAll(async () => {
  functions.close();
  await processes.stop();
  await rm(folder, { recursive: true, force: true });
});

const pushgateway = await startPushgateway(processes, folder);
const job = sampleJob();
const push = () => pushAsJob(pushgateway.url, job.sweep());
await push();
const prometheus = await startPrometheus(processes, {
  folder,
  targets: [
    { job: 'pushgateway', url: pushgateway.url },
    { job: 'vault_db_injector_functions', url: functions.url },
  ],
});

test('every query of the dashboard is answered', async () => {
  await push();
  await expectAllQueriesAnswer(prometheus.url);
});

test('the picture of it has figures everywhere', async () => {
  const svg = await drawDashboard(prometheus.url, 1);
  expect(svg).toContain('>free</text>');
  expect(svg).not.toContain('no data');
  expect(svg.match(/<svg /g)).toHaveLength(7);
});

test('what is pushed keeps the job and the namespace that it was pushed with', async () => {
  const [grants] = await queryNow(prometheus.url, 'vault_injector_grants{namespace="orders"}');
  expect(grants?.labels).toMatchObject({ job: 'vault_db_injector_renewal_0' });
});

const Rules = v.object({
  data: v.object({
    groups: v.array(
      v.object({
        rules: v.array(v.object({ name: v.string(), health: v.string(), lastError: v.optional(v.string()) })),
      }),
    ),
  }),
});

test('every rule can be evaluated', async () => {
  const read = async () => v.parse(Rules, await requestJson(`${prometheus.url}/api/v1/rules`)).data.groups;
  const unhealthy = async () =>
    (await read()).flatMap(({ rules }) => rules).filter(({ health }) => health !== 'ok');
  await expect.poll(unhealthy, { timeout: 20_000 }).toEqual([]);
});

test('of a cluster that is well only what the figures above are wrong about is told', async () => {
  const firing = async () => {
    const alerts = await queryNow(prometheus.url, 'ALERTS{alertstate="firing", severity!="info"}');
    return alerts.map(({ labels }) => labels['alertname']);
  };
  await expect.poll(firing, { timeout: 20_000 }).toEqual(['VaultInjectorDeadLetters']);
});
