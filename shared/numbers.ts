/** Numbers from outside, each with a bound: what is beyond it was made by nobody who meant well, or by mistake. */
import * as v from 'valibot';

// Vault counts in nanoseconds, of which 64 bits hold 292 years.
const LONGEST_SECONDS = 10_000_000_000;
/** What a Date can be. As a time at which something is due: never. */
export const LATEST_MS = 8_640_000_000_000_000;

/** A length of time that somebody else names. */
export const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(LONGEST_SECONDS));

/** By how much one clock is ahead of another, or behind it. */
export const secondsEitherWay = v.pipe(v.number(), v.minValue(-LONGEST_SECONDS), v.maxValue(LONGEST_SECONDS));

/** A moment in milliseconds since 1970. */
export const moment = v.pipe(v.number(), v.minValue(-LATEST_MS), v.maxValue(LATEST_MS));

/** How many of something. */
export const countUpTo = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));

/** Each is a request of every sweep and of every admission function. */
export const MOST_SHARDS = 100;
