/** When a lease or token is renewed: after half of its life, and never so late that missed sweeps cost the credential. */

// Three sweeps may fail in a row, so at any sweep what is not renewed must live until the fourth one after it; and a
// fifth of an interval more, since no sweep begins to the second.
const INTERVALS_IN_HAND = 4.2;
// Beyond this share of a long life nothing is gained by waiting.
const LATEST_SHARE = 0.75;

/**
 * Spread over the time between the earliest and the latest good moment, so that pods admitted together part.
 *
 * @param random uniform in [0, 1).
 * @returns milliseconds since 1970, as `renewedAt`; in the past for a life too short to ever wait.
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

/** From when on people are told that a lease will end for good: a day ahead or at half of its life, whichever is later. */
export function noticeAt(issuedAt: number, endsAt: number): number {
  return Math.max(endsAt - DAY_MS, issuedAt + (endsAt - issuedAt) / 2);
}
