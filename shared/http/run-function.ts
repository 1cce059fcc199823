/** A function as a process: registered with the functions framework, served, drained at SIGTERM. */
import { http } from '@google-cloud/functions-framework';
import type { Background } from '../background.ts';
import { deadlineIn } from '../deadline.ts';
import type { Runtime } from '../runtime.ts';
import { pushLast } from '../telemetry/last-push.ts';
import type { Termination } from '../termination.ts';
import type { VaultClient } from '../vault/index.ts';
import type { Routes } from './routes.ts';
import { type RunningServer, serve } from './server.ts';

interface FunctionRuntime extends Runtime {
  /** The Vault client whose login ends with the process. */
  readonly vault?: VaultClient;
}

const LOGOUT_WITHIN_MS = 5_000;
// Includes the time for running requests; less than the shortest grace period of our manifests.
const SETTLE_WITHIN_MS = 45_000;

/**
 * Serves until the process is told to end. If that happens during the start, it never listens but still logs out.
 *
 * @param end has been listened for since before the login was sent.
 */
export async function runFunction(
  routes: Routes,
  maxBodyBytes: number,
  runtime: FunctionRuntime,
  background: Background,
  end: Termination,
): Promise<never> {
  const { log, reports } = runtime;
  const running = await start(routes, maxBodyBytes, runtime, end).catch(async (error) => {
    await logOut(runtime);
    throw error;
  });
  const signal = await end.requested;
  log.info('ending', { outcome: signal });
  await running.server?.drain();
  await background.settled(SETTLE_WITHIN_MS);
  await logOut(runtime);
  running.stopMetrics();
  // An instance that was scaled to zero can no longer be scraped.
  await Promise.all([pushLast(runtime, `vault_db_injector_${runtime.name}`), reports.flush()]);
  process.exit(0);
}

interface Running {
  /** Absent if the process was told to end before it listened. */
  readonly server: RunningServer | undefined;
  readonly stopMetrics: () => void;
}

async function start(
  routes: Routes,
  maxBodyBytes: number,
  runtime: FunctionRuntime,
  end: Termination,
): Promise<Running> {
  const { name, config, clock, log, metrics } = runtime;
  // Listens before there are requests: a port in use makes the start fail, and would abort them.
  const stopMetrics = await startMetrics(runtime);
  if (end.signal.aborted) return { server: undefined, stopMetrics };
  http(name, routes.handle);
  const server = await serve({
    functionName: name,
    routes,
    clock,
    port: config.port,
    host: config.host,
    tls: config.tls,
    maxBodyBytes,
  });
  metrics.observe('cold_start_duration_seconds', {}, performance.now() / 1_000);
  log.info('serving', { port: server.port });
  return { server, stopMetrics };
}

async function logOut({ vault, clock, log }: FunctionRuntime): Promise<void> {
  using deadline = deadlineIn(LOGOUT_WITHIN_MS, clock);
  await vault?.session.close(deadline).catch((error) => log.error('the login could not be revoked', error));
  vault?.close();
}

async function startMetrics({ config, metrics, log }: FunctionRuntime): Promise<() => void> {
  const { port, tls, clientCaFile } = config.metrics;
  if (port === undefined) return () => {};
  const { serveMetrics } = await import('./metrics-server.ts');
  return serveMetrics({ port, host: config.host, tls, clientCaFile }, metrics, log);
}
