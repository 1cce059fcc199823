import { findOrInstall } from '../install/index.ts';
import type { ProcessSpec } from '../process/launch.ts';

/** Ports on 127.0.0.1: those of the program that the machine reaches as others, and those of the machine that it reaches. */
export type Ports = { inside: readonly { outside: number; inside: number }[]; outward: readonly number[] };

/** The program in a network namespace of its own, as a pod's are: see go/isolate/main.go. */
export const isolated = async (spec: ProcessSpec, { inside, outward }: Ports): Promise<ProcessSpec> => ({
  ...spec,
  command: await findOrInstall('isolate', () => {}),
  args: [
    ...inside.flatMap((pair) => ['-in', `${pair.outside}=${pair.inside}`]),
    ...outward.flatMap((port) => ['-out', `${port}=${port}`]),
    '--',
    spec.command,
    ...spec.args,
  ],
});
