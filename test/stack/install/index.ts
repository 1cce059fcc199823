import { constants } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { execa } from 'execa';
import { stackRoot } from '../paths.ts';
import { withLock } from '../process/lock.ts';
import type { Report } from '../progress.ts';
import { build, fingerprint } from './build.ts';
import { installedPath, type PartName, parts, type Recipe } from './parts.ts';

const works = async (file: string): Promise<boolean> => {
  try {
    await access(file, constants.X_OK);
    await execa(file, ['--version'], { timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
};

/** A part in STACK_PARTS, of whatever version. (Knative's cannot say theirs.) */
const findGiven = async (name: PartName): Promise<string | undefined> => {
  const { STACK_PARTS: folder } = process.env;
  if (folder === undefined) return undefined;
  const file = resolve(folder, name);
  return access(file, constants.X_OK).then(
    () => file,
    () => undefined,
  );
};

/** A part that the machine brings along: in KUBEBUILDER_ASSETS or on PATH, if it can say its version. */
const findOnMachine = async (name: PartName): Promise<string | undefined> => {
  const { KUBEBUILDER_ASSETS: assets = '', PATH: path = '' } = process.env;
  for (const folder of [assets, ...path.split(delimiter)].filter((entry) => entry !== '')) {
    const file = join(folder, name);
    if (await works(file)) return file;
  }
  return undefined;
};

const isInstalled = async (target: string, expected: string): Promise<boolean> => {
  try {
    await access(target, target.endsWith('.yaml') ? constants.R_OK : constants.X_OK);
    return (await readFile(`${target}.recipe`, 'utf8')) === expected;
  } catch {
    return false;
  }
};

/** Makes what the recipe says, unless it is there already. */
export const installRecipe = async (recipe: Recipe, target: string, report: Report): Promise<void> => {
  const expected = await fingerprint(recipe);
  if (await isInstalled(target, expected)) return;
  const onWait = () => report('waiting for another installation to end');
  const install = async (): Promise<void> => {
    if (await isInstalled(target, expected)) return;
    await build(recipe, target, report);
    await writeFile(`${target}.recipe`, expected);
  };
  await withLock(join(stackRoot, 'install.lock'), install, onWait);
};

/** The part's program: the one that is given, or the machine's own, else the one in .stack/bin, which is made first where it is missing. */
export const findOrInstall = async (name: PartName, report: Report): Promise<string> => {
  const recipe = parts[name];
  const found =
    recipe.kind === 'manifests' ? undefined : ((await findGiven(name)) ?? (await findOnMachine(name)));
  if (found !== undefined) return found;
  await installRecipe(recipe, installedPath(name), report);
  return installedPath(name);
};
