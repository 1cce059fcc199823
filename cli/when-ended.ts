/** Logs out of Vault when a command is interrupted (Ctrl-C, a Job's deadline): its login would outlive it. */
import { constants } from 'node:os';
import { listenForTermination } from '../shared/termination.ts';

/**
 * Runs the work, then the clean-up, whether the work succeeds or not, and also if a signal ends the process
 * meanwhile. The exit code is then the shell's for that signal.
 *
 * @param cleanUp never rejects.
 */
export async function cleaningUp<T>(cleanUp: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  const { requested, stopListening } = listenForTermination();
  void requested.then(async (name) => {
    await cleanUp();
    process.exit(128 + constants.signals[name]);
  });
  try {
    return await work();
  } finally {
    await cleanUp();
    stopListening();
  }
}
