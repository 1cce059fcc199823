/** Logs: JSON lines by pino. Fields are an allow-list, so that no object with a secret in it is ever written whole. */
import pino from 'pino';
import pinoPretty from 'pino-pretty';
import { asInjectorError, type ErrorCode, InjectorError } from '../errors.ts';
import { printable } from '../secret.ts';
import type { ErrorReports } from './error-reports.ts';

const REPORTED: ReadonlySet<ErrorCode> = new Set([
  'internal',
  'vault_denied',
  'vault_answer_invalid',
  'configuration_invalid',
]);

/** By these names in every line of every process; all that is not a number may come from a pod. */
interface LogFields {
  /** The API server's uid of the review, the id of the event. Vault's audit log has it as `x-correlation-id`. */
  readonly requestUid?: string | undefined;
  readonly traceId?: string | undefined;
  readonly namespace?: string;
  readonly pod?: string;
  readonly serviceAccount?: string;
  readonly uuid?: string;
  readonly databases?: string;
  readonly database?: string | undefined;
  readonly role?: string | undefined;
  /** Of a database engine in Vault. */
  readonly mount?: string | undefined;
  readonly outcome?: string;
  readonly code?: string;
  readonly vaultCalls?: number;
  readonly durationMs?: number;
  readonly port?: number;
}

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** A sweep's figures: numbers and flags only. */
  sweep(message: string, figures: Readonly<Record<string, number | boolean>>): void;
  /** What its sender has to mend: as `error`, at level `warn`, and never reported. */
  denied(message: string, thrown: unknown, fields?: LogFields): void;
  /** With the error's code, message and causes; never with its other properties. */
  error(message: string, thrown: unknown, fields?: LogFields): void;
}

interface LoggerOptions {
  readonly level: string;
  /** Of the process. */
  readonly name: string;
  readonly onTerminal: boolean;
}

/**
 * @param onTerminal whether a person reads along: pretty then, one JSON object a line otherwise.
 * @param reports gets what nobody expects: errors that neither a pod's owner nor a passing failure of Vault explains.
 */
export function createLogger({ level, name, onTerminal }: LoggerOptions, reports: ErrorReports): Logger {
  const options = { level, name, base: { name } };
  // The bundles have none: a container's log is for machines.
  const pretty = onTerminal
    ? pinoPretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' })
    : undefined;
  const log = pretty
    ? pino(options, pretty)
    : pino({ ...options, formatters: { level: (label) => ({ level: label }) } });
  return {
    debug: (message, fields = {}) => log.debug(clean(fields), message),
    info: (message, fields = {}) => log.info(clean(fields), message),
    warn: (message, fields = {}) => log.warn(clean(fields), message),
    sweep: (message, figures) => log.info(figures, message),
    denied: (message, thrown, fields = {}) => log.warn({ ...clean(fields), ...told(thrown) }, message),
    error: (message, thrown, fields = {}) => {
      const { code, reason } = told(thrown);
      log.error({ ...clean(fields), code, reason }, message);
      if (REPORTED.has(code)) reports.report(message, code, reason);
    },
  };
}

/** Texts come from pods: one line each, of bounded length. */
function clean(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'string' ? printable(value, 500) : value,
    ]),
  );
}

function told(thrown: unknown): { readonly code: ErrorCode; readonly reason: string } {
  return { code: asInjectorError(thrown).code, reason: causes(thrown) };
}

/** An error and what caused it, in words that hold no secret. */
export function causes(thrown: unknown): string {
  const found: string[] = [];
  for (let error = thrown; error instanceof Error && found.length < 4; error = error.cause) {
    const description = describe(error);
    if (found.at(-1) !== description) found.push(description);
  }
  return found.join(' < ');
}

/** Our own messages hold no secret; of any other error only its kind and the place it came from are safe to tell. */
function describe(error: Error): string {
  if (error instanceof InjectorError) return printable(error.message, 500);
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  const place = error.stack?.split('\n').find((line) => line.trim().startsWith('at ')) ?? '';
  return printable(`${error.name}${code} ${place.trim()}`, 300);
}
