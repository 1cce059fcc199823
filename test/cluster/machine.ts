import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { paths } from './paths.ts';

/** This machine cannot run a cluster, whatever is installed on it. */
export class UnfitMachine extends Error {}

const CGROUPS = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory'];

/** Control groups of either version, which containers are put into. */
async function canMakeControlGroups(): Promise<boolean> {
  for (const root of CGROUPS) {
    const isOne = await readFile(join(root, 'cgroup.procs')).then(
      () => true,
      () => false,
    );
    if (!isOne) continue;
    const probe = join(root, `vdi-probe-${process.pid}`);
    return mkdir(probe)
      .then(() => rmdir(probe))
      .then(
        () => true,
        () => false,
      );
  }
  return false;
}

/** @throws where this machine has another checkout's cluster, which would be worked on. */
export async function checkOwner(): Promise<void> {
  const owner = await readFile(paths.owner, 'utf8').catch(() => paths.root);
  if (owner !== paths.root)
    throw new Error(
      `this machine has the cluster of another checkout, in ${owner}: end it there first (npm run cluster -- down). If that is gone, remove ${paths.owner}`,
    );
}

/** @throws UnfitMachine before anything is built. */
export async function checkMachine(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new UnfitMachine(
      'the cluster needs root on Linux: it starts containers, and makes a network of its own',
    );
  if (!/\boverlay$/m.test(await readFile('/proc/filesystems', 'utf8')))
    throw new UnfitMachine('the cluster needs a kernel with overlayfs, which images are unpacked on');
  if (!(await canMakeControlGroups()))
    throw new UnfitMachine('the cluster needs control groups that it may write to (/sys/fs/cgroup)');
}
