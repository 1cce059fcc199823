import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // First, while the stacks of the others start. By default one processor would be left free.
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          // Each file has its own stack, whose Vault is stopped, sealed and slowed in the middle of a test.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 240_000,
          // Tests wait for other processes: on a busy machine a second is not much, and parallel work makes it one.
          expect: { poll: { timeout: 15_000 } },
        },
      },
    ],
  },
});
