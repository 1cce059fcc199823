/** The dashboard over the figures of our own processes, which really did all that it tells of. */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { drawDashboard } from '../../picture/picture.ts';
import { startPrometheus } from '../../stack/monitoring/prometheus.ts';
import { freePort } from '../../stack/process/ports.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { startAdmission } from '../support/admission-function.ts';
import { openDeadLetterOffice } from '../support/dead-letters.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering, unavailable } from '../support/faults.ts';
import { openFleet } from '../support/fleet.ts';
import { deletePod } from '../support/fleet-state.ts';
import { expectAllQueriesAnswer } from '../support/monitoring/dashboard-queries.ts';
import { type PodWishes, podWith } from '../support/pods.ts';
import { monitoringFolder, monitoringProcesses, pushgateway } from '../support/pushed.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';

/** Its leases are renewed by every sweep, and end within the time that a sweep looks ahead. */
const role = 'dashboard-rw';
const denied = answering(403, '{"errors":["permission denied"]}');
const proxy = await startFaultProxy();
const [fleet, office] = await Promise.all([
  openFleet({ vaultAddress: proxy.url }),
  openDeadLetterOffice(`dashboard-${randomUUID().slice(0, 8)}`),
]);

async function admissions(): Promise<number> {
  const metricsPort = await freePort();
  const admission = await startAdmission(proxy, { overrides: { ...fleet.keys, metricsPort } });
  const admit = async (wishes: PodWishes) => {
    const pod = podWith({ role: 'gule-rw' }, { ...wishes, labels: { [fleet.label]: 'true' } });
    return (await ask(admission, reviewOf(pod))).allowed;
  };
  expect([await admit({}), await admit({}), await admit({ serviceAccount: 'default' })]).toEqual([
    true,
    true,
    false,
  ]);
  proxy.fail('credentials', denied);
  expect(await admit({})).toBe(false);
  return metricsPort;
}

async function sweeps(): Promise<void> {
  const sweep = () =>
    stack
      .sweep({ overrides: fleet.keys, env: { METRICS_PUSH_URL: pushgateway.url } })
      .then(({ code }) => code);
  await fleet.pods(3, { role });
  proxy.fail('lease renewal', denied, 2);
  expect([await sweep(), await sweep()]).toEqual([1, 0]);
}

async function revocations(): Promise<number> {
  const metricsPort = await freePort();
  const revocation = await startRevocation(fleet, { metricsPort });
  const gone = await fleet.pods(2);
  for (const pod of gone) await deletePod(pod);
  const answers: number[] = [];
  const sendAll = async (pods: typeof gone) => {
    for (const pod of pods) answers.push((await send(revocation, { data: dataOf(pod) })).status);
  };
  // What passes, so the event comes again; what is denied is left to the sweep.
  for (const step of ['lease revocation', 'revoke'] as const) proxy.fail(step, unavailable, 20);
  await sendAll(gone.slice(0, 1));
  proxy.heal();
  await sendAll([...gone.slice(1), ...gone]);
  expect(answers).toEqual([503, 204, 204, 204]);
  return metricsPort;
}

async function deadLetters(): Promise<number> {
  const metricsPort = await freePort();
  const sink = await office.startSink({ metricsPort });
  const pod = await fleet.pod();
  expect((await send(sink, { data: dataOf(pod) })).status).toBe(204);
  return metricsPort;
}

let prometheusUrl: string;
beforeAll(async () => {
  await addAppRole(stack.vault, { name: role, defaultTtl: '20m', maxTtl: '2h' });
  const ports = [
    ['admission', await admissions()],
    ['revocation', await revocations()],
    ['dead-letters', await deadLetters()],
  ] as const;
  await sweeps();
  const functions = ports.map(([name, port]) => ({
    job: `vault_db_injector_${name}`,
    url: `http://127.0.0.1:${port}`,
  }));
  const { url } = await startPrometheus(monitoringProcesses, {
    folder: monitoringFolder,
    targets: [{ job: 'pushgateway', url: pushgateway.url }, ...functions],
  });
  prometheusUrl = url;
});

test('every query is answered', () => expectAllQueriesAnswer(prometheusUrl));

test('the picture has no gap', async () => {
  expect(await drawDashboard(prometheusUrl, 1)).not.toContain('no data');
});
