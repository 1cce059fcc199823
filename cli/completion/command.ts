import { Argument } from '@commander-js/extra-typings';
import { command, runs } from '../command.ts';
import type { Described } from './candidates.ts';

export const completionCommand = command('completion', 'print a script that completes commands and options')
  .addArgument(new Argument('<shell>', 'shell that the script is for').choices(['bash', 'zsh', 'fish']))
  .action(
    runs(async ({ terminal }, shell) => {
      const { SCRIPTS } = await import('./scripts.ts');
      terminal.say(SCRIPTS[shell]);
      return 0;
    }),
  );

/** What the scripts ask, for the words before the cursor; hidden from the help. */
export const completeCommand = (root: Described) =>
  command('complete', 'print what the last word may become')
    .argument('[word...]')
    .action(
      runs(async ({ terminal }, words) => {
        const { candidates } = await import('./candidates.ts');
        for (const { value, description } of candidates(root, words))
          terminal.say(`${value}\t${description}`);
        return 0;
      }),
    );
