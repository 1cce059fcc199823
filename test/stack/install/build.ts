import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { object, parse, string } from 'valibot';
import { stackRoot } from '../paths.ts';
import type { Report } from '../progress.ts';
import { installFromDebian } from './debian.ts';
import type { Recipe } from './parts.ts';
import { run, withClock } from './run.ts';

// The version is what clients read from /version; without it the API server calls itself v0.0.0.
const version = ['gitVersion=v1.36.3', 'gitMajor=1', 'gitMinor=36'];
const linkerFlags = ['-s', '-w', ...version.map((part) => `-X k8s.io/component-base/version.${part}`)].join(
  ' ',
);

type GoRecipe = Extract<Recipe, { kind: 'go' }>;
type PipRecipe = Extract<Recipe, { kind: 'pip' }>;
type ManifestsRecipe = Extract<Recipe, { kind: 'manifests' }>;

const flagsOf = ({ flags }: GoRecipe): string =>
  flags === undefined ? linkerFlags : `${linkerFlags} ${flags}`;

const buildWithGo = async (recipe: GoRecipe, output: string, report: Report): Promise<void> => {
  const go = (args: readonly string[], onLine: (line: string) => void = () => {}): Promise<string> =>
    run({ command: 'go', args, cwd: recipe.module, onLine });

  const listed = go(['list', '-deps', recipe.package]);
  const total = (await withClock(report, () => 'downloading Go modules', listed)).split('\n').length;

  let compiled = 0;
  const tags = recipe.tags === undefined ? [] : ['-tags', recipe.tags];
  const args = ['build', '-v', ...tags, '-ldflags', flagsOf(recipe), '-o', output, recipe.package];
  const build = go(args, (line) => {
    // Each line of -v is a package, except those about downloads, which begin with "go: ".
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

const downloaded = object({ Dir: string() });

const manifestsIn = async (folder: string, files?: readonly string[]): Promise<string[]> => {
  const names = files ?? (await readdir(folder)).filter((name) => name.endsWith('.yaml')).toSorted();
  return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
};

const gatherManifests = async (recipe: ManifestsRecipe, output: string, report: Report): Promise<void> => {
  const texts: string[] = [];
  for (const { goModule, folder, files } of recipe.sources) {
    const download = run({
      command: 'go',
      args: ['mod', 'download', '-json', goModule],
      cwd: recipe.module,
    });
    const answer = await withClock(report, () => `downloading ${goModule}`, download);
    texts.push(...(await manifestsIn(join(parse(downloaded, JSON.parse(answer)).Dir, folder), files)));
  }
  // cert-manager's are a Helm chart's: what its templates would fill in are labels that nothing here needs.
  const lines = texts
    .join('\n---\n')
    .split('\n')
    .filter((line) => !line.includes('{{'));
  await writeFile(output, lines.join('\n'));
};

const make = (recipe: Recipe, output: string, report: Report): Promise<void> => {
  if (recipe.kind === 'go') return buildWithGo(recipe, output, report);
  if (recipe.kind === 'pip') return installWithPip(recipe, output, report);
  if (recipe.kind === 'debian') return installFromDebian(recipe, output, report);
  return gatherManifests(recipe, output, report);
};

/** Builds the program and puts it at `target` atomically: a reader finds all of it. */
export const build = async (recipe: Recipe, target: string, report: Report): Promise<void> => {
  await mkdir(join(target, '..'), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  await rm(unfinished, { force: true });
  try {
    await make(recipe, unfinished, report);
    await rename(unfinished, target);
  } finally {
    await rm(unfinished, { force: true });
  }
};

/** What a program was built from. Another recipe, or other versions in its go.mod, rebuild it. */
export const fingerprint = async (recipe: Recipe): Promise<string> => {
  if (recipe.kind === 'pip') return recipe.requirement;
  if (recipe.kind === 'debian') return `${recipe.packageName} ${recipe.binary}`;
  const versions = await readFile(join(recipe.module, 'go.mod'), 'utf8');
  if (recipe.kind === 'manifests') return `${JSON.stringify(recipe.sources)}\n${versions}`;
  const source = recipe.source === undefined ? '' : await readFile(recipe.source, 'utf8');
  return `${recipe.package}\n${flagsOf(recipe)}\n${versions}${source}`;
};
