import { flagOption, readArguments, secondsOption, textOption } from '../options.ts';

export const ROTATE_USAGE = `npm run rotate:webhook-path -- [options]

  --context NAME      of the kubeconfig
  --timeout SECONDS   for the function to be ready with the new path (300)
  --settle SECONDS    that API servers are given to learn of it before the old one ends (60)

Interrupted, it is finished by running it again.`;

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
