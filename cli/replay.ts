/** `npm run replay`: sends again what could not be delivered (a Job of the CronJob "replay"), and shows what became of it. */
import { runJobOf } from './job.ts';
import { createKubectl } from './kubectl.ts';
import { flagOption, readArguments, textOption } from './options.ts';
import { runCommand } from './run-command.ts';

const USAGE = `npm run replay -- [options]

  --context NAME  of the kubeconfig`;
const ENTRIES = { context: textOption, help: flagOption };
// The Job's own deadline, and some time for its pod to start.
const WITHIN_MS = 20 * 60_000;

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
      ? 'Every dead letter was sent again; the revocation function decides what is to be revoked.'
      : `Some dead letters are left (Job ${name}): its log says why. Mend that, and run it again.`,
  );
  return succeeded ? 0 : 1;
});
