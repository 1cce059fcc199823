import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the answer is true. What it throws counts as not yet. */
export const until = async (
  what: string,
  isSo: () => Promise<boolean> | boolean,
  withinMs = 20_000,
  everyMs = 20,
): Promise<void> => {
  const end = performance.now() + withinMs;
  let lastError: unknown;
  const holds = async (): Promise<boolean> => {
    try {
      return await isSo();
    } catch (error) {
      lastError = error;
      return false;
    }
  };
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`waited ${withinMs / 1000} s in vain until ${what}`, { cause: lastError });
    }
    await delay(everyMs);
  }
};
