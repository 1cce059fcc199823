/** Reports a difference between this machine's clock and Vault's. */
import type { Sweep } from './context.ts';

/** Vault's time is in whole seconds, and an answer takes a moment. */
const TELL_FROM_SECONDS = 5;

/**
 * Every age is measured by Vault's clock; a difference is reported all the same, since other programs on the machine
 * rely on the local one.
 *
 * @returns whether the clocks agree well enough for anything to be revoked.
 */
export function checkClock({ time, options, report, log }: Sweep): boolean {
  const skewMs = time.skewMs();
  if (skewMs === undefined) {
    report.failed += 1;
    log.warn(
      "nothing is revoked: none of Vault's answers had a Date header, so the age of grants is unknown; make sure that no proxy removes the header, or answers from a cache (Age)",
    );
    return false;
  }
  const skewSeconds = Math.round(skewMs / 1_000);
  report.clockSkewSeconds = skewSeconds;
  const seconds = Math.abs(skewSeconds);
  if (seconds < TELL_FROM_SECONDS) return true;
  const direction = skewSeconds > 0 ? 'ahead of' : 'behind';
  const what = `this machine's clock is ${seconds} s ${direction} Vault's, by which all ages are measured`;
  if (seconds <= options.gracePeriodSeconds) {
    log.warn(`${what}: set the clock of the node`);
    return true;
  }
  report.failed += 1;
  log.warn(
    `${what}: nothing is revoked, since that is more than gracePeriodSecond (${options.gracePeriodSeconds} s); set the clock of the node, or of Vault`,
  );
  return false;
}
