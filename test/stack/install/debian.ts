/**
 * A program out of a package of Debian or Ubuntu, fetched by apt-get from wherever this machine has its packages from.
 * It is unpacked, not installed: no root is needed, nothing of the system changes, and no service is started.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stackRoot } from '../paths.ts';
import type { Report } from '../progress.ts';
import type { Recipe } from './parts.ts';
import { run, withClock } from './run.ts';

type DebianRecipe = Extract<Recipe, { kind: 'debian' }>;

// The current user may read and write here; apt's own user, to whom root would leave the download, may not.
const SAME_USER = ['-o', 'APT::Sandbox::User=root'];

const download = async (packageName: string, folder: string, report: Report): Promise<void> => {
  const apt = (args: readonly string[]) =>
    run({ command: 'apt-get', args: [...SAME_USER, ...args], cwd: folder });
  const fetch = (options: readonly string[] = []) =>
    withClock(
      report,
      () => `downloading the package ${packageName}`,
      apt([...options, 'download', packageName]),
    );
  try {
    await fetch();
  } catch {
    // A machine whose lists were never fetched, or are out of date: with lists of our own, since only root may write its.
    const lists = [
      '-o',
      `Dir::State::Lists=${join(folder, 'lists')}`,
      '-o',
      `Dir::Cache=${join(folder, 'cache')}`,
    ];
    await mkdir(join(folder, 'lists/partial'), { recursive: true });
    await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
    await withClock(report, () => "downloading the package manager's lists", apt([...lists, 'update']));
    await fetch(lists);
  }
};

export const installFromDebian = async (
  { packageName, binary }: DebianRecipe,
  output: string,
  report: Report,
): Promise<void> => {
  const folder = await mkdtemp(join(stackRoot, 'package-'));
  try {
    await download(packageName, folder, report);
    const file = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get left no package behind');
    const unpack = run({ command: 'dpkg-deb', args: ['--extract', file, 'unpacked'], cwd: folder });
    await withClock(report, () => `unpacking ${file}`, unpack);
    await rename(join(folder, 'unpacked', binary), output);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${packageName} is neither on PATH nor could its package be fetched; where there is no apt-get, put its programs on PATH: ${why}`,
      { cause: error },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
