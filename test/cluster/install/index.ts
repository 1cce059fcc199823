import { mkdir } from 'node:fs/promises';
import { findOrInstall, installRecipe } from '../../stack/install/index.ts';
import type { PartName } from '../../stack/install/parts.ts';
import type { Report } from '../../stack/progress.ts';
import { binary, paths } from '../paths.ts';
import { clusterParts } from './parts.ts';

/** Programs of the stack that the cluster runs, too. */
const ofStack: readonly PartName[] = ['kube-apiserver', 'etcd', 'bao', 'kubectl', 'prometheus-pushgateway'];

/** Builds whatever is not there yet; the first time takes a quarter of an hour on two cores. */
export async function installAll(report: Report): Promise<void> {
  await mkdir(paths.bin, { recursive: true });
  for (const name of ofStack) await findOrInstall(name, (detail) => report(`${name}: ${detail}`));
  for (const [name, recipe] of Object.entries(clusterParts))
    await installRecipe(recipe, binary(name), (detail) => report(`${name}: ${detail}`));
}
