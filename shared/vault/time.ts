/**
 * Vault's time, which every age is measured by: records, leases and tokens follow it, and nodes' clocks differ. Each
 * answer of Vault contains it, in whole seconds (RFC 9110, 6.6.1).
 */
import { type Clock, monotonicClock } from '../deadline.ts';

export interface VaultTime {
  /** Milliseconds since 1970; by the local clock until an answer has come. */
  now(): number;
  /** How many milliseconds the local clock is ahead of Vault's; `undefined` before the first answer. */
  skewMs(): number | undefined;
  /**
   * @param date the answer's header.
   * @param sentAt when the request was sent, by the monotonic clock; `receivedAt` likewise.
   */
  observe(date: string | undefined, sentAt: number, receivedAt: number): void;
}

const RESOLUTION_MS = 1_000;

/** @param wallClock the local clock, in milliseconds since 1970. */
export function createVaultTime(wallClock: Clock = Date.now, clock: Clock = monotonicClock): VaultTime {
  // Bounds of the difference between Vault's clock and the monotonic one; every answer narrows them.
  let least = Number.NEGATIVE_INFINITY;
  let most = Number.POSITIVE_INFINITY;

  const known = () => Number.isFinite(least);
  const vaultNow = () => clock() + (least + most) / 2;

  return {
    now: () => (known() ? vaultNow() : wallClock()),
    skewMs: () => (known() ? wallClock() - vaultNow() : undefined),
    observe(date, sentAt, receivedAt) {
      const at = Date.parse(date ?? '');
      if (!Number.isFinite(at)) return;
      const [from, to] = [at - receivedAt, at + RESOLUTION_MS - sentAt];
      // An answer contradicts the earlier ones: a clock was set, or another node of Vault answers.
      const contradicts = from > most || to < least;
      least = contradicts ? from : Math.max(least, from);
      most = contradicts ? to : Math.min(most, to);
    },
  };
}
