/** How an admission's time is divided: the API server waits for `?timeout=`, and what was begun must be undone within it. */
import { parseDuration } from '../../shared/duration.ts';

export interface Budget {
  /** For everything up to the answer, counted from the request's arrival. */
  readonly workMs: number;
  /** For everything up to the denial, undoing included. */
  readonly answerMs: number;
}

// What the API server waits where a webhook says nothing, and at the most.
const DEFAULT_TIMEOUT_MS = 10_000;
const LONGEST_TIMEOUT_MS = 30_000;
const SHARE_FOR_UNDOING = 0.2;
const LONGEST_FOR_UNDOING_MS = 1_000;
// The API server's time runs from before an instance was started for the request; of what it leaves beyond this,
// up to so much is left for that.
const WITHOUT_A_START_MS = 10_000;
const LONGEST_START_MS = 5_000;
// For the way back to the API server.
const ANSWER_MARGIN_MS = 50;

/** Less than this is not enough to issue anything: an admission is denied before it begins. */
export const LEAST_WORK_MS = 200;

/** @param timeout the query parameter as the API server sends it, for example `5s`. */
export function budgetFor(timeout: string | null): Budget {
  const asked = parseDuration(timeout ?? '') ?? DEFAULT_TIMEOUT_MS;
  const timeoutMs = Math.min(asked, LONGEST_TIMEOUT_MS);
  const startMs = Math.min(LONGEST_START_MS, Math.max(0, timeoutMs - WITHOUT_A_START_MS));
  const answerMs = timeoutMs - startMs - ANSWER_MARGIN_MS;
  return { answerMs, workMs: answerMs - Math.min(LONGEST_FOR_UNDOING_MS, asked * SHARE_FOR_UNDOING) };
}
