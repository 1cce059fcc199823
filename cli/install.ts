/** `npm run install:cluster`. */
import { install } from './install/install.ts';
import { readOptions, USAGE } from './install/options.ts';
import { createKubectl } from './kubectl.ts';
import { runCommand } from './run-command.ts';
import { whereItActs } from './target.ts';
import { uninstall } from './uninstall/uninstall.ts';

await runCommand(async ({ args, say, program }) => {
  const options = readOptions(args);
  if (options.help) {
    say(USAGE);
    return 0;
  }
  const kubectl = createKubectl({ program, context: options.context });
  say(await whereItActs(kubectl));
  return (options.uninstall ? uninstall : install)({ kubectl, options, say });
});
