import { type Clock, deadlineIn } from '../../shared/deadline.ts';
import { beginWork, type Work } from '../../shared/vault/requests.ts';

/** Work with enough time, by a clock that stands still unless the test brings its own. */
export const newWork = (milliseconds = 60_000, clock: Clock = () => 0): Work =>
  beginWork(deadlineIn(milliseconds, clock));
