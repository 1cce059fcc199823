/** A function that is scaled to zero leaves its figures at a real Pushgateway, where a real Prometheus reads them. */
import { describe, expect, test } from 'vitest';
import { startPrometheus } from '../../stack/monitoring/prometheus.ts';
import { queryNow } from '../../stack/monitoring/query.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { podWith } from '../support/pods.ts';
import { monitoringFolder, monitoringProcesses, pushed, pushgateway } from '../support/pushed.ts';
import { ask, reviewOf } from '../support/reviews.ts';

const JOB = 'vault_db_injector_admission';
const proxy = await startFaultProxy();
const start = (metricsPushUrl = pushgateway.url) => startAdmission(proxy, { overrides: { metricsPushUrl } });

async function admit(by: AdmissionFunction, pods: number): Promise<void> {
  for (let pod = 0; pod < pods; pod += 1)
    expect((await ask(by, reviewOf(podWith({ role: 'gule-rw' })))).allowed).toBe(true);
}
async function end(one: AdmissionFunction): Promise<void> {
  one.kill('SIGTERM');
  expect(await one.exited).toBe(0);
}

describe('instances that come and go', () => {
  test('add up, timings too', async () => {
    const [first, second] = [await start(), await start()];
    await admit(first, 2);
    await admit(second, 3);
    await end(first);
    expect(await pushed(JOB)).toMatchObject({ mutated_pods_success_count: 2 });
    await end(second);
    const figures = await pushed(JOB);
    expect(figures).toMatchObject({
      mutated_pods_success_count: 5,
      mutated_pods_error_count: 0,
      cold_start_duration_seconds_count: 2,
      'cold_start_duration_seconds_bucket{le="+Inf"}': 2,
      'admission_duration_seconds_count{result="issued"}': 5,
      'admission_duration_seconds_bucket{result="issued",le="+Inf"}': 5,
      'vault_requests_total{operation="create a token",status="2xx"}': 5,
      'store_data_count_success{namespace="team-infrastructure"}': 5,
    });
    const buckets = Object.entries(figures)
      .filter(([name]) => name.startsWith('admission_duration_seconds_bucket'))
      .map(([, count]) => count);
    expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
  });

  test('are one series to Prometheus', async () => {
    const { url } = await startPrometheus(monitoringProcesses, {
      folder: monitoringFolder,
      targets: [{ job: 'pushgateway', url: pushgateway.url }],
    });
    const series = await queryNow(url, 'vault_injector_mutated_pods_success_count');
    expect(series.map(({ labels, samples }) => [labels['job'], samples.map(({ value }) => value)])).toEqual([
      [JOB, [5]],
    ]);
  });
});

test('where no Pushgateway is, the process ends in order and says so', async () => {
  const admission = await start('http://127.0.0.1:1');
  await admit(admission, 1);
  await end(admission);
  expect(await admission.log()).toMatch(/"code":"push_failed".*metrics could not be pushed/);
});

test('what is no Pushgateway is not pushed to', async () => {
  const admission = await start(proxy.url);
  await end(admission);
  expect(await admission.log()).toMatch(/"code":"push_failed".*metrics could not be pushed/);
});
