/**
 * Vault is sealed in the middle of the day: which alerts fire, what `doctor` says, what the owner of a pod reads, and what is
 * left to do when it is unsealed again (nothing). On the stack's real parts; Prometheus' clock runs sixty times faster.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPrometheus } from '../../stack/monitoring/prometheus.ts';
import { queryNow } from '../../stack/monitoring/query.ts';
import { freePort } from '../../stack/process/ports.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { openPatient, type Patient, wrongIn } from '../support/patient.ts';
import { createPod, environmentOf, podWith, tryCreatePod } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { monitoringFolder, monitoringProcesses, pushgateway } from '../support/pushed.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';

const HURRY = 60;
const INTERVAL_SECONDS = 5;

let patient: Patient;
let prometheusUrl: string;
let working = true;
let work: Promise<unknown>;
afterAll(async () => {
  working = false;
  await work;
});
const codes: (number | null)[] = [];

/** The renewal job, as often as its schedule says. */
async function keepSweeping(): Promise<void> {
  while (working) {
    const next = performance.now() + INTERVAL_SECONDS * 1_000;
    const keys = patient.strict.keysOf('renewal');
    const overrides = { ...keys, syncTTLSecond: INTERVAL_SECONDS };
    codes.push((await stack.sweep({ overrides, env: { METRICS_PUSH_URL: pushgateway.url } })).code);
    await sleep(Math.max(0, next - performance.now()));
  }
}

/** Pods come as ever, a few a second. */
async function keepAdmitting(admission: AdmissionFunction): Promise<void> {
  while (working) {
    const pods = Array.from({ length: 4 }, () => ask(admission, reviewOf(podWith({ role: 'gule-rw' }))));
    await Promise.all([...pods, sleep(1_000)]);
  }
}

beforeAll(async () => {
  patient = await openPatient();
  const metricsPort = await freePort();
  const admission = await startAdmission(await startFaultProxy(), { overrides: { metricsPort } });
  work = Promise.all([keepSweeping(), keepAdmitting(admission)]);
  const { url } = await startPrometheus(monitoringProcesses, {
    folder: monitoringFolder,
    targets: [
      { job: 'pushgateway', url: pushgateway.url },
      { job: 'vault_db_injector_admission', url: `http://127.0.0.1:${metricsPort}` },
    ],
    hurry: HURRY,
  });
  prometheusUrl = url;
});

async function firing(): Promise<string[]> {
  const alerts = await queryNow(prometheusUrl, 'ALERTS{alertstate="firing", severity!="info"}');
  return alerts.map(({ labels }) => labels['alertname'] ?? '').toSorted();
}
const within = { timeout: 60_000, interval: 250 };
const admitted = async () => environmentOf(await createPod(podWith({ role: 'gule-rw' })));
const logsIn = async ({ DBUSER = '', DBPASSWORD = '' }: Readonly<Record<string, string>>) =>
  (await whoAmI(databaseUri(DBUSER, DBPASSWORD))).loggedInAs === DBUSER;

test('a day like any other, a sealed Vault, and a day like any other again', async () => {
  const before = await admitted();
  await expect.poll(firing, within).toEqual([]);
  expect((await patient.doctor()).code).toBe(0);

  await stack.vaultFaults.seal();
  const { refusal } = await tryCreatePod(podWith({ role: 'gule-rw' }));
  expect(refusal).toContain(
    'no database credentials for this pod: Vault is sealed; its operator has to unseal it',
  );
  const { code, out } = await patient.doctor();
  expect([code, wrongIn(out)]).toEqual([
    1,
    [expect.stringMatching(/^✗ Vault: .*sealed[\s\S]*operator unseal/)],
  ]);
  await expect
    .poll(firing, within)
    .toEqual([
      'VaultInjectorAdmissionsFailing',
      'VaultInjectorSweepFailing',
      'VaultInjectorVaultUnreachable',
    ]);
  // What has been given out works on: the database does not ask Vault.
  expect(await logsIn(before)).toBe(true);

  await stack.vaultFaults.unseal();
  const sweeps = codes.length;
  await expect.poll(firing, within).toEqual([]);
  expect(codes.slice(sweeps + 1)).toContain(0);
  expect((await patient.doctor()).code).toBe(0);
  expect(await logsIn(await admitted())).toBe(true);
  expect(await logsIn(before)).toBe(true);
}, 240_000);
