/** `sweep`: runs the renewal job now (a Job of the CronJob "renewal"), and shows its log and result. */
import type { Caller, ClusterOptions } from '../command.ts';
import { openKubectl } from '../kubectl.ts';
import { runJobOf } from './job.ts';

interface SweepOptions extends ClusterOptions {
  readonly withoutBrake?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

// The longest deadline of an overlay's CronJob, and time for its pod to start.
const WITHIN_MS = 65 * 60_000;
const WITHOUT_BRAKE = { INJECTOR_MAX_REVOKE_FRACTION: '1' } as const;

/** @returns the exit code. */
export async function sweep(options: SweepOptions, caller: Caller): Promise<number> {
  const { say, progress, mustConfirm } = caller.terminal;
  if (options.withoutBrake && !options.yes)
    await mustConfirm('Revoke all grants without a pod, however many there are?', 'nothing was revoked');
  const env = options.withoutBrake ? WITHOUT_BRAKE : {};
  const kubectl = openKubectl(options, caller);
  const { name, succeeded, log } = await runJobOf('renewal', kubectl, { withinMs: WITHIN_MS, env, progress });
  if (log !== '') say(log);
  say(
    succeeded
      ? 'The sweep completed all of its work.'
      : `The sweep left work undone (Job ${name}): its log says why; the codes are in docs/errors.md.`,
  );
  return succeeded ? 0 : 1;
}
