import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { nodeProgram } from '../../../stack/paths.ts';
import { createProcesses } from '../../../stack/process/processes.ts';

// Takes its time to end, as a server does that still has something to do.
const PROGRAM = `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 500)); setInterval(() => {}, 1000);`;

test('a part that is started again while it ends runs afterwards', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'processes-'));
  const processes = createProcesses();
  try {
    await processes.start('server', {
      name: 'slow',
      command: nodeProgram,
      args: ['-e', PROGRAM],
      address: 'none',
      logFile: join(folder, 'log'),
      ready: async () => sleep(300, true),
    });
    const [first] = processes.running();
    await Promise.all([processes.control.stop('slow'), processes.control.start('slow')]);
    await first?.exited;
    expect(processes.running()).toEqual([expect.objectContaining({ name: 'slow' })]);
    expect(processes.running()[0]?.pid).not.toBe(first?.pid);
  } finally {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
