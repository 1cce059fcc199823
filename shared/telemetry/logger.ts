/** Logs: JSON lines by pino. Fields are an allow-list, so that no object with a secret in it is ever written whole. */
import pino from 'pino';
import { asInjectorError, type ErrorCode, InjectorError } from '../errors.ts';
import { printable } from '../secret.ts';
import type { ErrorReports } from './error-reports.ts';

const REPORTED: ReadonlySet<ErrorCode> = new Set([
  'internal',
  'vault_denied',
  'vault_answer_invalid',
  'configuration_invalid',
]);

interface LogFields {
  readonly requestUid?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly serviceAccount?: string;
  readonly uuid?: string;
  readonly databases?: string;
  readonly outcome?: string;
  readonly code?: string;
  readonly vaultCalls?: number;
  readonly durationMs?: number;
  readonly port?: number;
}

export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** A sweep's figures: numbers and flags only. */
  sweep(message: string, figures: Readonly<Record<string, number | boolean>>): void;
  /** With the error's code, message and causes; never with its other properties. */
  error(message: string, thrown: unknown, fields?: LogFields): void;
}

/** @param reports gets what nobody expects: errors that neither a pod's owner nor a passing failure of Vault explains. */
export function createLogger(level: string, name: string, reports: ErrorReports): Logger {
  const log = pino({ level, name, base: { name }, formatters: { level: (label) => ({ level: label }) } });
  return {
    info: (message, fields = {}) => log.info(clean(fields), message),
    warn: (message, fields = {}) => log.warn(clean(fields), message),
    sweep: (message, figures) => log.info(figures, message),
    error: (message, thrown, fields = {}) => {
      const { code } = asInjectorError(thrown);
      const reason = causes(thrown);
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

function causes(thrown: unknown): string {
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
