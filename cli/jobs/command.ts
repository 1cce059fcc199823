import { command, runs, withCluster, YES } from '../command.ts';

export const sweepCommand = withCluster(
  command('sweep', 'run the renewal job now, and show its log and result')
    .option('--without-brake', 'revoke all grants without a pod, however many there are', false)
    .option(...YES),
).action(runs(async (caller, options) => (await import('./sweep.ts')).sweep(options, caller)));

export const replayCommand = withCluster(
  command('replay', 'send events again that could not be delivered'),
).action(runs(async (caller, options) => (await import('./replay.ts')).replay(options, caller)));
