import { mkdir } from 'node:fs/promises';
import { findOrInstall, installRecipe } from '../../stack/install/index.ts';
import type { PartName } from '../../stack/install/parts.ts';
import type { Report } from '../../stack/progress.ts';
import { binary, paths } from '../paths.ts';
import { clusterParts } from './parts.ts';

/** Programs of the stack that the cluster runs, too. */
const ofStack: readonly PartName[] = ['kube-apiserver', 'etcd', 'bao', 'kubectl'];

const isOfMonitoring = (name: string): boolean => name.startsWith('prometheus');

async function installParts(isWanted: (name: string) => boolean, report: Report): Promise<void> {
  for (const [name, recipe] of Object.entries(clusterParts))
    if (isWanted(name)) await installRecipe(recipe, binary(name), (detail) => report(`${name}: ${detail}`));
}

/** Builds whatever is not there yet; the first time takes a quarter of an hour on two cores. */
export async function installAll(report: Report): Promise<void> {
  await mkdir(paths.bin, { recursive: true });
  for (const name of ofStack) await findOrInstall(name, (detail) => report(`${name}: ${detail}`));
  await installParts((name) => !isOfMonitoring(name), report);
}

/** Builds the parts of the monitoring add-on, which the short acceptance suite does without. */
export async function installMonitoring(): Promise<void> {
  await findOrInstall('prometheus-pushgateway', () => {});
  await installParts(isOfMonitoring, () => {});
}
