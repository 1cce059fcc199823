// The process that runs a stack in the background. `up` starts it and listens until the stack is ready or has failed.

import { parseCommand } from './arguments.ts';
import type { SupervisorMessage } from './messages.ts';
import { supervise } from './supervise.ts';

/** Resolves when the message is on its way: this process ends right after the last one. */
const tell = (message: SupervisorMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(message, () => resolve());
    else resolve();
  });

const leaving = new AbortController();
const abandoned = () => leaving.abort();
process.once('disconnect', abandoned);

const command = parseCommand(process.argv.slice(2));
if (command?.verb !== 'up') throw new Error('started by `npm run stack -- up` only');

try {
  const ran = await supervise({
    ...command,
    onProgress: (event) => void tell({ type: 'progress', event }),
    onReady: () => {
      process.off('disconnect', abandoned);
      void tell({ type: 'ready' });
    },
    onFault: (error) => console.error(error),
    signal: leaving.signal,
  });
  if (!ran) await tell({ type: 'taken' });
} catch (error) {
  console.error(error);
  await tell({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
// Not left to the event loop: a compiler that was ended half-way, or a socket to a part, would keep it going.
process.exit();
