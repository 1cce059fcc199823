/** A command that is ended from outside (Ctrl-C, a Job's deadline) logs out of Vault first: its login would outlive it. */
import { constants } from 'node:os';
import { hearSignals } from '../shared/told-to-end.ts';

/**
 * Does the work, and the clean-up after it, whatever becomes of the work: also where a signal ends the process meanwhile. Its
 * exit code is then the shell's for that signal.
 *
 * @param cleanUp never rejects.
 */
export async function cleaningUp<T>(cleanUp: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  const { told, stopHearing } = hearSignals();
  void told.then(async (name) => {
    await cleanUp();
    process.exit(128 + constants.signals[name]);
  });
  try {
    return await work();
  } finally {
    await cleanUp();
    stopHearing();
  }
}
