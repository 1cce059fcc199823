/** A function's life as a process: registered with the functions framework, served, drained at SIGTERM. */
import { http } from '@google-cloud/functions-framework';
import type { Background } from '../background.ts';
import { deadlineIn } from '../deadline.ts';
import type { Surroundings } from '../surroundings.ts';
import { pushLast } from '../telemetry/last-push.ts';
import type { VaultClient } from '../vault/index.ts';
import type { Routes } from './routes.ts';
import { serve } from './server.ts';

interface FunctionParts extends Surroundings {
  /** Whose login ends with the process. */
  readonly vault?: VaultClient;
}

const LOGOUT_WITHIN_MS = 5_000;
// With the time for the requests under way, less than the shortest grace period of our manifests.
const SETTLE_WITHIN_MS = 45_000;

export async function runFunction(
  routes: Routes,
  maxBodyBytes: number,
  parts: FunctionParts,
  background: Background,
): Promise<void> {
  const { name, config, clock, log, metrics, reports, vault } = parts;
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
  const stopMetrics = await startMetrics(parts);
  metrics.observe('cold_start_duration_seconds', {}, performance.now() / 1_000);
  log.info('serving', { port: server.port });

  async function end(signal: string): Promise<void> {
    log.info('ending', { outcome: signal });
    await server.drain();
    await background.settled(SETTLE_WITHIN_MS);
    await vault?.session
      .close(deadlineIn(LOGOUT_WITHIN_MS, clock))
      .catch((error) => log.error('the login could not be revoked', error));
    vault?.close();
    stopMetrics();
    // Whoever is scaled to zero cannot be scraped any more.
    await Promise.all([pushLast(parts, `vault_db_injector_${name}`), reports.flush()]);
    process.exit(0);
  }
  process.once('SIGTERM', (signal) => void end(signal));
  process.once('SIGINT', (signal) => void end(signal));
}

async function startMetrics({ config, metrics, log }: FunctionParts): Promise<() => void> {
  const { port, tls, clientCaFile } = config.metrics;
  if (port === undefined) return () => {};
  const { serveMetrics } = await import('./metrics-server.ts');
  return serveMetrics({ port, host: config.host, tls, clientCaFile }, metrics, log);
}
