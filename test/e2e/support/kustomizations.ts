/** Kustomizations of a test's own, on copies of the project's manifests. */
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Manifest } from '../../stack/kubernetes/api.ts';
import { type Manifests, readManifests } from '../../stack/manifests.ts';
import { projectRoot } from '../../stack/paths.ts';
import { stack } from './stack.ts';

/** Every variant that comes with the project, by its folder: kustomizations that can be applied as they are. */
export const variants = ['knative', 'knative/overlays/istio', 'knative/overlays/without-knative'] as const;

/** A copy of `knative` and `cronjobs`, to be changed at will. */
export async function copyManifests(): Promise<string> {
  const folder = await mkdtemp(join(stack.description.folder, 'manifests-'));
  // Excludes the developer's own secret.
  const filter = (source: string) => !source.endsWith('.env');
  for (const name of ['knative', 'cronjobs'])
    await cp(join(projectRoot, name), join(folder, name), { recursive: true, filter });
  return folder;
}

/** The example's overlay, with a secret for the webhook's path. */
export async function renderExample(
  secrets: Readonly<Record<string, string>>,
  change: (kustomization: string) => string = (same) => same,
): Promise<Manifests> {
  const folder = await copyManifests();
  const overlay = join(folder, 'knative/overlays/example');
  const file = join(overlay, 'kustomization.yaml');
  await writeFile(file, change(await readFile(file, 'utf8')));
  const lines = Object.entries(secrets).map(([key, secret]) => `${key}=${secret}\n`);
  await writeFile(join(overlay, 'webhook-path.env'), lines.join(''));
  return readManifests(overlay);
}

/** The manifests on Knative with Kourier, plus these components. */
export const renderWith = (...names: readonly string[]): Promise<readonly Manifest[]> =>
  renderOwn(['../../base', '../../serving', '../../eventing'], ['kourier', 'notices', ...names]);

/** The manifests without Knative, plus these components. */
export const renderWithoutKnative = (...names: readonly string[]): Promise<readonly Manifest[]> =>
  renderOwn(['../without-knative'], names);

async function renderOwn(
  resources: readonly string[],
  names: readonly string[],
): Promise<readonly Manifest[]> {
  const folder = await copyManifests();
  const overlay = join(folder, 'knative/overlays/own');
  await mkdir(overlay);
  const kustomization = { resources, components: names.map((name) => `../../components/${name}`) };
  await writeFile(join(overlay, 'kustomization.yaml'), stringify(kustomization));
  return (await readManifests(overlay)).all;
}
