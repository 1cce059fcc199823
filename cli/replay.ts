/** `npm run replay`: replays dead letters (a Job of the CronJob "replay"), and shows the result. */
import * as v from 'valibot';
import { runJobOf } from './job.ts';
import { createKubectl } from './kubectl.ts';
import { flagOption, readArguments, textOption } from './options.ts';
import { runCommand } from './run-command.ts';

const USAGE = `npm run replay -- [options]

  --context NAME  context of the kubeconfig`;
const ENTRIES = { context: textOption, help: flagOption };
// The Job's own deadline, and time for its pod to start.
const WITHIN_MS = 20 * 60_000;

const Report = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ msg: v.literal('replay ended'), found: v.number(), sent: v.number() }),
);

/** Read from the last line of its log; without a log the count is unknown. */
function whatWasSent(log: string): string {
  const report = v.safeParse(Report, log.split('\n').at(-1));
  if (!report.success)
    return 'No dead letter is left; the number sent again is unknown, since the log is gone.';
  const { found, sent } = report.output;
  if (found === 0) return 'There were no dead letters: nothing was sent again.';
  return `${sent} of ${found} dead letters were sent again; the revocation function decides what to revoke.`;
}

await runCommand(async ({ args, say, program }) => {
  const { context, help } = readArguments('npm run replay', ENTRIES, args);
  if (help) {
    say(USAGE);
    return 0;
  }
  const kubectl = createKubectl({ program, context });
  const { name, succeeded, log } = await runJobOf('replay', kubectl, { withinMs: WITHIN_MS });
  if (log !== '') say(log);
  say(
    succeeded
      ? whatWasSent(log)
      : `Some dead letters are left (Job ${name}): its log says why. Fix that, then run it again.`,
  );
  return succeeded ? 0 : 1;
});
