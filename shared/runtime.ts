/** What every function and job has: its configuration, clock, logger, metrics and error reports. */
import { readFileSync } from 'node:fs';
import type { ConfigWithoutVault } from './config.ts';
import { type Clock, monotonicClock } from './deadline.ts';
import { InjectorError } from './errors.ts';
import { createErrorReports, type ErrorReports } from './telemetry/error-reports.ts';
import { causes, createLogger, type Logger } from './telemetry/logger.ts';
import type { ProcessName } from './telemetry/metric-table.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

export interface Runtime<C extends ConfigWithoutVault = ConfigWithoutVault> {
  readonly name: ProcessName;
  readonly config: C;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reports: ErrorReports;
}

export function createRuntime<C extends ConfigWithoutVault>(name: ProcessName, config: C): Runtime<C> {
  const reports = createErrorReports(name, config.sentry, {
    onUnavailable: (error) => log.warn(`errors cannot be reported to Sentry: ${causes(error)}`),
  });
  const onTerminal = process.stdout.isTTY === true;
  const log = createLogger({ level: config.logLevel, name, onTerminal }, reports);
  return {
    name,
    config,
    clock: monotonicClock,
    log,
    metrics: createMetrics({ process: name, uuidLabel: config.metrics.uuidLabel }),
    reports,
  };
}

/**
 * @param path absent if everything is in the environment.
 * @throws InjectorError `configuration_invalid`
 */
export function readConfigFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
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
