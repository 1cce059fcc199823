import { setImmediate as turn } from 'node:timers/promises';
import { deadlineIn } from './deadline.ts';
import type { VaultRuntime } from './vault-runtime.ts';

const FIRST_LOGIN_WITHIN_MS = 10_000;
const TURNS = 4;

/**
 * Sends the login so that Vault works on it while the rest of the process loads: the first request after a cold start
 * waits for both. A failure is only logged; the next caller that needs the login tries again.
 */
export async function beginLogin(runtime: VaultRuntime): Promise<void> {
  void logIn(runtime);
  // Event loop turns that get the connection and the request out before module loading blocks the loop.
  for (let turns = 0; turns < TURNS; turns += 1) await turn();
}

async function logIn({ vault, clock, log }: VaultRuntime): Promise<void> {
  using deadline = deadlineIn(FIRST_LOGIN_WITHIN_MS, clock);
  await vault.session.ready(deadline).catch((error) => log.error('the first login failed', error));
}
