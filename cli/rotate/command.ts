import { command, runs, seconds, withCluster } from '../command.ts';

export const rotateCommand = withCluster(
  command('rotate', "rotate the secret of the webhook's path")
    .option('--timeout <seconds>', 'time for the function to be ready with the new path', seconds, 300)
    .option(
      '--settle <seconds>',
      'time for API servers to pick it up before the old path is removed',
      seconds,
      60,
    ),
)
  .addHelpText('after', '\nIf it is interrupted, run it again to finish.')
  .action(runs(async (caller, options) => (await import('./rotate.ts')).rotate(options, caller)));

export type RotateOptions = ReturnType<typeof rotateCommand.opts>;
