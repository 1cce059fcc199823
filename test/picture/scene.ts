/** A stack whose figures go to a Prometheus of its own, with some life in it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDisplay } from '../stack/cli/display.ts';
import { type Stack, startStack } from '../stack/index.ts';
import { startPrometheus } from '../stack/monitoring/prometheus.ts';
import { startPushgateway } from '../stack/monitoring/pushgateway.ts';
import { stackRoot } from '../stack/paths.ts';
import { freePort } from '../stack/process/ports.ts';
import { createProcesses } from '../stack/process/processes.ts';
import { live, settle } from './life.ts';

const SWEEP_EVERY_SECONDS = 20;
const PROGRESS_EVERY_MS = 30_000;
/** Vault is sealed once, as it happens. */
const SHARE_BEFORE_OUTAGE = 0.55;
const OUTAGE_MS = 20_000;

/** Functions that Prometheus reads, in the place of the stack's own. */
async function startMeasured(stack: Stack) {
  const start = async (name: 'admission' | 'revocation') => {
    const metricsPort = await freePort();
    const part = await stack.startFunction({ name, overrides: { metricsPort } });
    return {
      url: `${part.url}/`,
      target: { job: `vault_db_injector_${name}`, url: `http://127.0.0.1:${metricsPort}` },
    };
  };
  return { admission: await start('admission'), revocation: await start('revocation') };
}

/** Calls `look` with the Prometheus' URL when these minutes are over, and ends all of it. */
export async function playScene<T>(minutes: number, look: (prometheusUrl: string) => Promise<T>): Promise<T> {
  const folder = join(stackRoot, `picture-${process.pid}`);
  const display = createDisplay();
  const stack = await startStack({ folder, eventSource: false, onProgress: display.onProgress });
  await display.end('up');
  const processes = createProcesses();
  try {
    const { admission, revocation } = await startMeasured(stack);
    await settle(stack);
    await stack.pointWebhook(admission.url.replace(/\/$/, ''));
    const pushgateway = await startPushgateway(processes, join(folder, 'pushgateway'));
    const { url } = await startPrometheus(processes, {
      folder: join(folder, 'prometheus'),
      targets: [{ job: 'pushgateway', url: pushgateway.url }, admission.target, revocation.target],
    });
    const until = Date.now() + minutes * 60_000;
    await Promise.all([
      live(stack, revocation.url, until),
      sweepUntil(until, stack, pushgateway.url),
      sealForAWhile(stack, minutes),
      tellUntil(until),
    ]);
    return await look(url);
  } finally {
    await processes.stop();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function sweepUntil(until: number, stack: Stack, pushUrl: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sweep = async () => {
    await stack.sweep({
      overrides: { syncTTLSecond: SWEEP_EVERY_SECONDS },
      env: { METRICS_PUSH_URL: pushUrl },
    });
    if (Date.now() > until) resolve();
  };
  await sweep();
  const timer = setInterval(() => void sweep(), SWEEP_EVERY_SECONDS * 1_000);
  await promise;
  clearInterval(timer);
}

/** What is refused meanwhile is all red; what was not revoked meanwhile is by a sweep. */
async function sealForAWhile({ vaultFaults }: Stack, minutes: number): Promise<void> {
  await delay(minutes * 60_000 * SHARE_BEFORE_OUTAGE);
  await vaultFaults.seal();
  await delay(OUTAGE_MS);
  await vaultFaults.unseal();
}

async function tellUntil(until: number): Promise<void> {
  for (let left = until - Date.now(); left > 0; left = until - Date.now()) {
    console.log(`${Math.ceil(left / 60_000)} minutes left`);
    await delay(Math.min(left, PROGRESS_EVERY_MS));
  }
}
