/** The stack that the demo plays on: its own, in a folder of its own, so that it can run beside another. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDisplay } from '../stack/cli/display.ts';
import { down } from '../stack/cli/down.ts';
import { up } from '../stack/cli/up.ts';
import { attachStack, startStack } from '../stack/index.ts';
import { stackFiles, stackRoot } from '../stack/paths.ts';
import { holderOf } from '../stack/process/lock.ts';
import type { Demo } from './step.ts';

export interface Stage {
  readonly stack: Demo['stack'];
  /** Ends the stack, and resolves when nothing of it is left. */
  end(): Promise<void>;
}

/** Runs in this process: the stack ends with it, however it ends. */
export async function openStage(signal: AbortSignal): Promise<Stage> {
  const folder = join(stackRoot, `demo-${process.pid}`);
  // Last of all: what a start that is interrupted has begun may write there until then.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const display = createDisplay();
  try {
    const stack = await startStack({ folder, onProgress: display.onProgress, signal });
    await display.end('up');
    return { stack, end: stack.stop };
  } catch (error) {
    await display.end('failed');
    throw error;
  }
}

export const keptFolder = join(stackRoot, 'demo');

/** Runs in the background, like `npm run stack -- up`: it outlives this process. */
export async function openKeptStage(): Promise<Stage> {
  const { lock, data } = stackFiles(keptFolder);
  if ((await holderOf(lock)) !== undefined) {
    throw new Error(
      'the stack that an earlier demo kept is still up: npm run stack -- down --folder=.stack/demo',
    );
  }
  const code = await up({ folder: keptFolder, tls: false, namespace: undefined }, [
    'up',
    `--folder=${keptFolder}`,
  ]);
  if (code !== 0) throw new Error('without a stack there is nothing to show');
  const stack = await attachStack(data);
  return {
    stack,
    end: async () => {
      await down(keptFolder);
    },
  };
}
