import { flagOption, readArguments, secondsOption, textOption } from '../options.ts';

export const ROTATE_USAGE = `npm run rotate:webhook-path -- [options]

  --context NAME      context of the kubeconfig
  --timeout SECONDS   time for the function to be ready with the new path (default: 300)
  --settle SECONDS    time for API servers to pick it up before the old path is removed (default: 60)

If it is interrupted, run it again to finish.`;

const ENTRIES = {
  context: textOption,
  timeout: secondsOption('300'),
  settle: secondsOption('60'),
  help: flagOption,
};

export type RotateOptions = ReturnType<typeof readRotateOptions>;

/** @throws Refusal */
export function readRotateOptions(args: readonly string[]) {
  return readArguments('npm run rotate:webhook-path', ENTRIES, args);
}
