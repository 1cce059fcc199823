/** `replay`: replays dead letters (a Job of the CronJob "replay"), and shows the result. */
import * as v from 'valibot';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { DEAD_LETTER_LABEL } from '../../shared/events/dead-letter.ts';
import { readObject } from '../../shared/kubernetes/objects.ts';
import { connectTo } from '../cluster.ts';
import type { Caller, ClusterOptions } from '../command.ts';
import { openKubectl } from '../kubectl.ts';
import { NAMESPACE } from '../objects.ts';
import { runJobOf } from './job.ts';

// The Job's own deadline, and time for its pod to start.
const WITHIN_MS = 20 * 60_000;
const ASK_WITHIN_MS = 30_000;
const NOTHING = 'There were no dead letters: nothing was sent again.';

const ConfigMaps = v.object({ items: v.array(v.unknown()) });
const Report = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ msg: v.literal('replay ended'), found: v.number(), sent: v.number() }),
);

/** @returns the exit code. */
export async function replay(options: ClusterOptions, caller: Caller): Promise<number> {
  const { say, progress } = caller.terminal;
  // Without a letter no Job is needed, whose image may take its time to be pulled.
  if (!(await hasDeadLetters(options))) {
    say(NOTHING);
    return 0;
  }
  const kubectl = openKubectl(options, caller);
  const { name, succeeded, log } = await runJobOf('replay', kubectl, { withinMs: WITHIN_MS, progress });
  if (log !== '') say(log);
  say(
    succeeded
      ? whatWasSent(log)
      : `Some dead letters are left (Job ${name}): its log says why. Fix that, then run it again.`,
  );
  return succeeded ? 0 : 1;
}

async function hasDeadLetters(options: ClusterOptions): Promise<boolean> {
  const query = `labelSelector=${encodeURIComponent(`${DEAD_LETTER_LABEL}=true`)}&limit=1`;
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps?${query}`;
  using deadline = deadlineIn(ASK_WITHIN_MS, monotonicClock);
  const found = await readObject(connectTo(options), path, ConfigMaps, deadline);
  return (found?.items.length ?? 0) > 0;
}

/** Read from the last line of its log; without a log the count is unknown. */
function whatWasSent(log: string): string {
  const report = v.safeParse(Report, log.split('\n').at(-1));
  if (!report.success)
    return 'No dead letter is left; the number sent again is unknown, since the log is gone.';
  const { found, sent } = report.output;
  if (found === 0) return NOTHING;
  return `${sent} of ${found} dead letters were sent again; the revocation function decides what to revoke.`;
}
