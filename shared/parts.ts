/** What every function and job is made of, from its configuration: the one place that reads files named by the environment. */
import { readFileSync } from 'node:fs';
import { type Config, type ConfigSource, parseConfig } from './config.ts';
import { type Clock, monotonicClock } from './deadline.ts';
import { InjectorError } from './errors.ts';
import { createErrorReports, type ErrorReports } from './telemetry/error-reports.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createVault, type VaultClient } from './vault/index.ts';

export interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reports: ErrorReports;
  readonly vault: VaultClient;
}

/**
 * @param name of the function or job, for its log.
 * @param file path of the configuration file; absent where the environment says everything.
 * @throws InjectorError `configuration_invalid`
 */
export function createParts(
  name: string,
  file: string | undefined,
  source: Omit<ConfigSource, 'file'>,
): Parts {
  const config = parseConfig({ ...source, file: file === undefined ? undefined : readConfigFile(file) });
  const clock = monotonicClock;
  const reports = createErrorReports(config.sentryDsn);
  const log = createLogger(config.logLevel, name, reports);
  const metrics = createMetrics({ uuidLabel: config.metricsUuidLabel });
  const vault = createVault(config.vault, clock, (outcome) =>
    metrics.count(`connect_vault_count_${outcome}`, {}),
  );
  return { config, clock, log, metrics, reports, vault };
}

function readConfigFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InjectorError('configuration_invalid', `the configuration file ${path} cannot be read`, {
      cause,
    });
  }
}

/** Ends a process that cannot start, with one message a person can act on. */
export function refuseToStart(error: unknown): never {
  console.error(error instanceof InjectorError ? error.message : error);
  process.exit(1);
}
