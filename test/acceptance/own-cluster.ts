/** The project's own cluster, where the environment names no other. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { running, stop } from '../cluster/daemons.ts';
import { removeDatabase, startDatabase } from '../cluster/databases.ts';
import { allProcesses, familyOf } from '../cluster/family.ts';
import { build, push, referenceOf } from '../cluster/images.ts';
import { startMonitoring } from '../cluster/monitoring.ts';
import { rebootNode, restartKubelet } from '../cluster/node.ts';
import { paths, programPath } from '../cluster/paths.ts';
import { buildFromDockerfile, buildProductImage } from '../cluster/product-image.ts';
import { startVault } from '../cluster/vault.ts';
import { run } from '../stack/install/run.ts';
import { projectRoot } from '../stack/paths.ts';
import type { OwnCluster } from './world.ts';

const HUNG = { name: 'postgres-hung', port: 5_433 };
const CLIENT = 'acceptance-client:1';

/** A small Debian with psql: what the acceptance needs of `postgres:18-alpine`. */
async function makeClientImage(): Promise<string> {
  const tar = join(paths.images, 'client.tar');
  const isThere = await access(tar).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const options = ['--variant=minbase', '--include=ca-certificates,postgresql-client-15'];
    await run({
      command: 'mmdebstrap',
      args: [...options, '--aptopt=APT::Sandbox::User "root"', 'bookworm', tar],
    });
  }
  await build(`localhost/${CLIENT}`, 'FROM scratch\nADD client.tar /\nUSER 65534\n', { 'client.tar': tar });
  await push(`localhost/${CLIENT}`, CLIENT);
  // As examples/ calls it.
  await push(`localhost/${CLIENT}`, 'library/postgres:18-alpine');
  return referenceOf(CLIENT);
}

/** One that has ended meanwhile needs none. */
function signalTo(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function pidsOf(what: 'database' | 'vault' | 'sweep'): Promise<number[]> {
  if (what === 'sweep')
    return (await allProcesses())
      .filter(({ command }) => command.endsWith(' renewal.cjs '))
      .map(({ pid }) => pid);
  const daemon = await running(what === 'vault' ? 'bao' : HUNG.name);
  return daemon ? [daemon.pid] : [];
}

/** @throws where it does not run. */
export async function openOwnCluster(): Promise<
  OwnCluster & { readonly path: string; readonly clientImage: string }
> {
  if (!(await running('kube-apiserver')))
    throw new Error(
      'no cluster: name one by --kubeconfig, or start the project’s own (npm run cluster -- up)',
    );
  return {
    path: programPath(),
    clientImage: await makeClientImage(),
    buildImage: buildProductImage,
    buildExample: (folder, name) => buildFromDockerfile(join(projectRoot, 'examples', folder), name),
    unseal: startVault,
    restartKubelet,
    reboot: rebootNode,
    async startDatabase() {
      await startDatabase(HUNG);
      return HUNG.port;
    },
    startMonitoring,
    async halt(what, signal) {
      const [first, ...others] = await pidsOf(what);
      if (first === undefined) return false;
      for (const pid of await familyOf(first, ...others)) signalTo(pid, signal);
      return true;
    },
    async endDatabase() {
      await stop(HUNG.name);
      await removeDatabase(HUNG);
    },
  };
}
