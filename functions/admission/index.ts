/** The admission function's process: configuration in, parts wired, served until SIGTERM. */
import { readFileSync } from 'node:fs';
import { http } from '@google-cloud/functions-framework';
import { createBackground } from '../../shared/background.ts';
import { parseConfig } from '../../shared/config.ts';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { serve } from '../../shared/http/server.ts';
import { createErrorReports } from '../../shared/telemetry/error-reports.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createMetrics } from '../../shared/telemetry/metrics.ts';
import { createVault } from '../../shared/vault/index.ts';
import { createIssued } from './issued.ts';
import { createRoutes } from './routes.ts';

const MAX_REVIEW_BYTES = 4 * 1024 * 1024;
const LOGOUT_WITHIN_MS = 5_000;

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const { CONFIG_FILE } = environment;
  const file = CONFIG_FILE === undefined ? undefined : readFileSync(CONFIG_FILE, 'utf8');
  const config = parseConfig({ file, environment, process: 'injector' });
  const clock = monotonicClock;
  const reports = createErrorReports(config.sentryDsn);
  const log = createLogger(config.logLevel, 'admission', reports);
  const metrics = createMetrics();
  const vault = createVault(config.vault, clock, (outcome) =>
    metrics.count(`connect_vault_count_${outcome}`, {}),
  );
  const background = createBackground((thrown) => log.error('work in the background failed', thrown));
  const routes = createRoutes(
    {
      ...vault,
      metrics,
      log,
      background,
      clock,
      newDeadline: (durationMs) => deadlineIn(durationMs, clock),
      issued: createIssued(clock),
      cluster: config.vault.ledgerPrefix,
      periodSeconds: config.tokenPeriodSeconds,
      injectorLabel: config.injectorLabel,
      defaultEngine: config.vault.defaultEngine,
      syncIntervalSeconds: config.syncIntervalSeconds,
    },
    vault.session,
  );
  // While the server comes up, the login is under way: the first admission after a cold start waits for both.
  vault.session
    .ready(deadlineIn(LOGOUT_WITHIN_MS, clock))
    .catch((error) => log.error('the first login failed', error));
  http('admission', routes);
  const server = await serve({
    functionName: 'admission',
    port: config.port,
    host: config.host,
    tls: config.tls,
    maxBodyBytes: MAX_REVIEW_BYTES,
  });
  log.info('serving', { port: server.port });

  async function end(signal: string): Promise<void> {
    log.info('ending', { outcome: signal });
    await server.drain();
    await background.settled();
    await vault.session
      .close(deadlineIn(LOGOUT_WITHIN_MS, clock))
      .catch((error) => log.error('the login could not be revoked', error));
    vault.close();
    await reports.flush();
    process.exit(0);
  }
  process.once('SIGTERM', (signal) => void end(signal));
  process.once('SIGINT', (signal) => void end(signal));
}

main(process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
