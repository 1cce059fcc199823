/** Whether the clocks of Vault and of the renewal job's node agree: ages are measured by Vault's. */
import { readMemory } from '../sweep-state.ts';
import { type Check, failed, ok, unknown } from './check.ts';
import type { Facts } from './facts.ts';

/** Vault's time is in whole seconds, and an answer takes a moment. */
const MOST_SECONDS = 5;
const SYNCHRONIZE = "fix time synchronization (NTP) on that node, or on Vault's machines";

export const clocks = (facts: Facts): Check => ({
  name: 'clocks',
  needs: ['login of renewal'],
  async look() {
    const vault = await facts.vault();
    const { last } = await readMemory(vault.sweeps, await facts.config(), facts.work());
    // Read after an answer of Vault, which contains its time.
    const here = secondsOf(vault.time.skewMs());
    const there = last?.clockSkewSeconds;
    if (there !== undefined && Math.abs(there) > MOST_SECONDS)
      return failed(`the clock of the last sweep's node is ${direction(there)} Vault's`, SYNCHRONIZE);
    if (there === undefined && here !== undefined && Math.abs(here) > MOST_SECONDS)
      return failed(`this machine's clock is ${direction(here)} Vault's`, SYNCHRONIZE);
    if (there === undefined)
      return unknown("no sweep has compared its clock with Vault's so far", 'wait for a sweep');
    return ok(`the last sweep's node and Vault agree within ${MOST_SECONDS} s`);
  },
});

const secondsOf = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms / 1_000));

const direction = (seconds: number) => `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'}`;
