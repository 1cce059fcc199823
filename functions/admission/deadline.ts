/** Divides an admission's time: the API server waits for `?timeout=`, and whatever was begun must be undone within it. */
import { parseDuration } from '../../shared/duration.ts';

export interface Budget {
  /** Budget up to the answer, counted from the request's arrival. */
  readonly workMs: number;
  /** Budget up to the denial, undoing included. */
  readonly answerMs: number;
}

// The API server's default and maximum timeout of a webhook.
const DEFAULT_TIMEOUT_MS = 10_000;
const LONGEST_TIMEOUT_MS = 30_000;
const SHARE_FOR_UNDOING = 0.2;
const LONGEST_FOR_UNDOING_MS = 1_000;
// The API server's time includes the start of an instance for the request: of the time beyond this, up to
// LONGEST_START_MS are reserved for that.
const WITHOUT_A_START_MS = 10_000;
const LONGEST_START_MS = 5_000;
// Reserved for the answer's way back to the API server.
const ANSWER_MARGIN_MS = 50;

/** Too little to issue anything: the admission is denied right away. */
export const LEAST_WORK_MS = 200;

/** @param timeout the query parameter as the API server sends it, for example `5s`. */
export function budgetFor(timeout: string | null): Budget {
  const asked = parseDuration(timeout ?? '') ?? DEFAULT_TIMEOUT_MS;
  const timeoutMs = Math.min(asked, LONGEST_TIMEOUT_MS);
  const startMs = Math.min(LONGEST_START_MS, Math.max(0, timeoutMs - WITHOUT_A_START_MS));
  const answerMs = timeoutMs - startMs - ANSWER_MARGIN_MS;
  return { answerMs, workMs: answerMs - Math.min(LONGEST_FOR_UNDOING_MS, asked * SHARE_FOR_UNDOING) };
}
