/** `npm run sweep`: runs the renewal job now (a Job of the CronJob "renewal"), and shows its log and result. */
import { runJobOf } from './job.ts';
import { createKubectl } from './kubectl.ts';
import { flagOption, readArguments, textOption } from './options.ts';
import { runCommand } from './run-command.ts';

const USAGE = `npm run sweep -- [options]

  --without-brake  revoke all grants without a pod, however many there are
  --context NAME   context of the kubeconfig`;
const ENTRIES = { 'without-brake': flagOption, context: textOption, help: flagOption };
// The longest deadline of an overlay's CronJob, and time for its pod to start.
const WITHIN_MS = 65 * 60_000;
const WITHOUT_BRAKE = { INJECTOR_MAX_REVOKE_FRACTION: '1' } as const;

await runCommand(async ({ args, say, program }) => {
  const { context, help, 'without-brake': withoutBrake } = readArguments('npm run sweep', ENTRIES, args);
  if (help) {
    say(USAGE);
    return 0;
  }
  const env = withoutBrake ? WITHOUT_BRAKE : {};
  const kubectl = createKubectl({ program, context });
  const { name, succeeded, log } = await runJobOf('renewal', kubectl, { withinMs: WITHIN_MS, env });
  if (log !== '') say(log);
  say(
    succeeded
      ? 'The sweep completed all of its work.'
      : `The sweep left work undone (Job ${name}): its log says why; the codes are in docs/errors.md.`,
  );
  return succeeded ? 0 : 1;
});
