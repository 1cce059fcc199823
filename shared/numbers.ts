/** Numbers from outside, each with an upper bound: a larger one is a mistake or an attack. */
import * as v from 'valibot';

// Vault counts in nanoseconds, of which 64 bits hold 292 years.
const LONGEST_SECONDS = 10_000_000_000;
/** The range of Date. A moment this far away means never. */
export const LATEST_MS = 8_640_000_000_000_000;

/** A duration from outside. */
export const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(LONGEST_SECONDS));

/** How much one clock is ahead of another, or behind it. */
export const secondsEitherWay = v.pipe(v.number(), v.minValue(-LONGEST_SECONDS), v.maxValue(LONGEST_SECONDS));

/** A moment in milliseconds since 1970. */
export const moment = v.pipe(v.number(), v.minValue(-LATEST_MS), v.maxValue(LATEST_MS));

/** A count. */
export const countUpTo = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));

/** Each one costs a request in every sweep and every admission function. */
export const MOST_SHARDS = 100;
