/** The project's own cluster, where the environment names no other. */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { running, stop } from '../cluster/daemons.ts';
import { removeDatabase, startDatabase } from '../cluster/databases.ts';
import { build, push, referenceOf } from '../cluster/images.ts';
import { paths, programPath } from '../cluster/paths.ts';
import { buildProductImage } from '../cluster/product-image.ts';
import { run } from '../stack/install/run.ts';
import type { OwnCluster } from './world.ts';

const HUNG = { name: 'postgres-hung', port: 5_433 };
const CLIENT = 'acceptance-client:1';

/** A small Debian with psql, as like `postgres:18-alpine` as the acceptance needs. */
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
  return referenceOf(CLIENT);
}

/** Pids of the process and of all that descend from it. */
async function familyOf(pid: number): Promise<number[]> {
  const all = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
        const [, parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return { pid: Number(name), parent: Number(parent) };
      }),
  );
  const family = [pid];
  for (const member of family)
    family.push(...all.filter(({ parent }) => parent === member).map((one) => one.pid));
  return family;
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
    async startDatabase() {
      await startDatabase(HUNG);
      return HUNG.port;
    },
    async halt(signal) {
      const server = await running(HUNG.name);
      if (server) for (const pid of await familyOf(server.pid)) process.kill(pid, signal);
    },
    async endDatabase() {
      await stop(HUNG.name);
      await removeDatabase(HUNG);
    },
  };
}
