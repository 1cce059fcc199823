/** `npm run rotate:webhook-path`. */
import { createKubectl } from './kubectl.ts';
import { ROTATE_USAGE, readRotateOptions } from './rotate/options.ts';
import { rotate } from './rotate/rotate.ts';
import { runCommand } from './run-command.ts';
import { whereItActs } from './target.ts';

await runCommand(async ({ args, say, program }) => {
  const options = readRotateOptions(args);
  if (options.help) {
    say(ROTATE_USAGE);
    return 0;
  }
  const kubectl = createKubectl({ program, context: options.context });
  say(await whereItActs(kubectl));
  await rotate(kubectl, options, say);
  return 0;
});
