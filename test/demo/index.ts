/** `npm run demo`: the main job for eyes, on real parts. Exits with 0 only if all that it showed was so. */
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { stackFiles } from '../stack/paths.ts';
import { createNarrator } from './narrator.ts';
import { keptFolder, openKeptStage, openStage } from './stage.ts';
import type { Demo } from './step.ts';
import { steps } from './steps/index.ts';

const INTERRUPTED = 130;
const secrets = new Set<string>();
const narrator = createNarrator((line) => console.log(line), secrets);
const start = performance.now();

const interrupt = new AbortController();
const { signal } = interrupt;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] satisfies NodeJS.Signals[]) {
  process.on(name, () => interrupt.abort(new Error('interrupted')));
}
const interrupted = new Promise<never>((_, reject) => {
  signal.addEventListener('abort', () => reject(signal.reason));
});
// It is raced against; where nothing races, it must not count as unhandled.
interrupted.catch(() => {});

async function play(stack: Demo['stack']): Promise<void> {
  // A step that is interrupted has nothing more to say: its next line ends it.
  const say = (line: string) => {
    signal.throwIfAborted();
    console.log(line);
  };
  const demo = { stack, narrator: createNarrator(say, secrets), pods: [] };
  for (const [index, step] of steps.entries()) {
    demo.narrator.step(index + 1, steps.length, step.title);
    await step.run(demo);
  }
}

function sayHowToUse(): void {
  const environment = relative(process.cwd(), stackFiles(keptFolder).environment);
  narrator.title('\nThe stack stays up, with these pods in it. To look around:');
  narrator.note(`set -a; source ${environment}; set +a`);
  narrator.note('kubectl get pods --namespace=team-infrastructure');
  narrator.note('PATH=$PATH:.stack/bin bao kv list vault-injector/kubernetes1-dv-par5');
  narrator.note('psql "$DATABASE_URL" --command=\'\\du\'');
  narrator.title('To end it:');
  narrator.note('npm run stack -- down --folder=.stack/demo');
}

async function main(keep: boolean): Promise<number> {
  narrator.title('An annotated pod gets database credentials of its own, on real parts');
  const stage = await (keep ? openKeptStage() : openStage(signal));
  let held = false;
  try {
    await Promise.race([play(stage.stack), interrupted]);
    held = true;
  } catch (error) {
    narrator.failed(error instanceof Error ? error.message : String(error));
  }
  if (keep && !signal.aborted) {
    sayHowToUse();
  } else {
    narrator.title('\nStopping the stack');
    await stage.end();
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  narrator.title(held ? `Every step held, ${seconds} s in all` : `Ended early, after ${seconds} s`);
  return held ? 0 : 1;
}

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const code = await main(values.keep).catch((error: unknown) => {
  narrator.failed(error instanceof Error ? error.message : String(error));
  return 1;
});
// Not left to the event loop: what a start that was interrupted has begun would keep it going.
process.exit(signal.aborted ? INTERRUPTED : code);
