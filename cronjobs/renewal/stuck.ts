/** Failures of a single grant or record, which are counted separately: they do not fail the sweep. */
import { InjectorError } from '../../shared/errors.ts';
import { isUnreadable } from '../../shared/grants/records.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Sweep } from './context.ts';

/** The failure concerns this grant only: Vault or the API server refused it, or its database took too long. */
export function isOfOneGrant(thrown: unknown): boolean {
  if (!(thrown instanceof InjectorError)) return false;
  if (isUnreadable(thrown)) return false;
  return !thrown.retryable || thrown.code === 'vault_timeout' || thrown.code === 'vault_answer_invalid';
}

export function countStuck(
  what: string,
  names: Parameters<Logger['error']>[2],
  thrown: unknown,
  { report, log }: Pick<Sweep, 'report' | 'log'>,
): void {
  report.stuck += 1;
  log.error(what, thrown, names);
}
