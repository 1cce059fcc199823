/**
 * When a lease or token is renewed: after half of its life, and early enough that missed sweeps do not cost the
 * credential.
 */

// Three sweeps may fail in a row: what is not renewed now must live until the fourth one after this; plus a fifth of
// an interval, since sweeps do not start to the second.
const INTERVALS_IN_HAND = 4.2;
// Waiting longer than this share of a long life gains nothing.
const LATEST_SHARE = 0.75;

/**
 * Spread between the earliest and the latest good moment, so that grants of pods admitted together are renewed at
 * different times.
 *
 * @param random uniform in [0, 1).
 * @returns milliseconds since 1970, as `renewedAt`; in the past for a life too short to wait.
 */
export function dueAt(
  renewedAt: number,
  lifeSeconds: number,
  intervalSeconds: number,
  random: number,
): number {
  const earliest = lifeSeconds / 2;
  const latest = Math.min(lifeSeconds - INTERVALS_IN_HAND * intervalSeconds, lifeSeconds * LATEST_SHARE);
  const age = latest <= earliest ? latest : earliest + random * (latest - earliest);
  return renewedAt + age * 1_000;
}

const DAY_MS = 24 * 3_600_000;

/** When to start warning that a lease will end for good: a day ahead or at half of its life, whichever is later. */
export function noticeAt(issuedAt: number, endsAt: number): number {
  return Math.max(endsAt - DAY_MS, issuedAt + (endsAt - issuedAt) / 2);
}
