/** A log that is kept for the test in place of being written. */
import { asInjectorError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';

export type LogLine = Parameters<Logger['info']>[1] & {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
};

export function createKeptLog(): { readonly log: Logger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const log: Logger = {
    debug: (message, fields) => void lines.push({ level: 'debug', message, ...fields }),
    info: (message, fields) => void lines.push({ level: 'info', message, ...fields }),
    warn: (message, fields) => void lines.push({ level: 'warn', message, ...fields }),
    sweep: (message) => void lines.push({ level: 'info', message }),
    denied: (message, thrown, fields) =>
      void lines.push({ level: 'warn', message, ...fields, code: asInjectorError(thrown).code }),
    error: (message, thrown, fields) => {
      const { code, subject } = asInjectorError(thrown);
      lines.push({ level: 'error', message, ...subject, ...fields, code });
    },
  };
  return { log, lines };
}
