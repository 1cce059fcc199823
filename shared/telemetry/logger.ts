/** Logs: JSON lines by pino. Fields are an allow-list, so that an object with a secret in it is never written whole. */
import pino from 'pino';
import pinoPretty from 'pino-pretty';
import { asInjectorError, codeOf, type ErrorCode, InjectorError, type Subject } from '../errors.ts';
import { printable } from '../secret.ts';
import type { ErrorReports } from './error-reports.ts';

const REPORTED: ReadonlySet<ErrorCode> = new Set([
  'internal',
  'vault_denied',
  'vault_answer_invalid',
  'configuration_invalid',
]);

/** The allow-list, the same for all processes; any value that is not a number may come from a pod. */
interface LogFields extends Subject {
  readonly databases?: string;
  readonly database?: string | undefined;
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
  /** A fault that the sender has to fix: same as `error`, but at level `warn`, and never reported. */
  denied(message: string, thrown: unknown, fields?: LogFields): void;
  /** Logs the error's code, message, causes and subject; never its other properties. */
  error(message: string, thrown: unknown, fields?: LogFields): void;
}

interface LoggerOptions {
  readonly level: string;
  /** Name of the process. */
  readonly name: string;
  readonly onTerminal: boolean;
}

/**
 * @param onTerminal whether a person reads along: pretty output if so, one JSON object per line otherwise.
 * @param reports receives unexpected errors: those not explained by a pod's owner or a temporary failure of Vault.
 */
export function createLogger({ level, name, onTerminal }: LoggerOptions, reports: ErrorReports): Logger {
  const options = { level, name, base: { name } };
  // pino-pretty is not in the bundles: a container's log is for machines.
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
    denied: (message, thrown, fields = {}) =>
      log.warn({ ...clean({ ...subjectOf(thrown), ...fields }), ...codeAndReason(thrown) }, message),
    error: (message, thrown, fields = {}) => {
      const { code, reason } = codeAndReason(thrown);
      log.error({ ...clean({ ...subjectOf(thrown), ...fields }), code, reason }, message);
      if (REPORTED.has(code)) reports.report(message, code, reason);
    },
  };
}

/** Values come from pods: one line each, of limited length. */
function clean(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'string' ? printable(value, 500) : value,
    ]),
  );
}

function codeAndReason(thrown: unknown): { readonly code: ErrorCode; readonly reason: string } {
  return { code: asInjectorError(thrown).code, reason: causes(thrown) };
}

const subjectOf = (thrown: unknown): Subject => (thrown instanceof InjectorError ? thrown.subject : {});

/** An error and its causes, in words that hold no secret. */
export function causes(thrown: unknown): string {
  const found: string[] = [];
  for (let error = thrown; error instanceof Error && found.length < 4; error = error.cause) {
    const description = describe(error);
    if (found.at(-1) !== description) found.push(description);
  }
  return found.join(' < ');
}

/** Our own messages hold no secret; of any other error only its type and origin are safe to log. */
function describe(error: Error): string {
  if (error instanceof InjectorError) return printable(error.message, 500);
  const origin = error.stack?.split('\n').find((line) => line.trim().startsWith('at ')) ?? '';
  return printable([error.name, codeOf(error), origin.trim()].filter(Boolean).join(' '), 300);
}
