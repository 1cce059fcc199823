/** Backups of what the stack stores, and their restores: as operators make them, with the programs that they have. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findOrInstall } from '../../stack/install/index.ts';
import { until } from '../../stack/wait.ts';
import { stack } from './stack.ts';

const { folder, kubernetes, vault } = stack.description;
const backups = () => mkdtemp(join(folder, 'backup-'));

async function snapshot(verb: 'save' | 'restore', ...rest: readonly string[]): Promise<void> {
  const bao = await findOrInstall('bao', () => {});
  const env = {
    BAO_ADDR: vault.address,
    BAO_TOKEN: vault.rootToken,
    ...(vault.caFile && { BAO_CACERT: vault.caFile }),
  };
  await execa(bao, ['operator', 'raft', 'snapshot', verb, ...rest], { env });
}

/** @returns the file with all that Vault stores now. */
export async function backUpVault(): Promise<string> {
  const file = join(await backups(), 'vault.snap');
  await snapshot('save', file);
  return file;
}

/** Vault knows nothing any more of what happened since the backup; the databases do. */
export async function restoreVault(file: string): Promise<void> {
  await snapshot('restore', file);
  await until('Vault is active again', async () => {
    const { status } = await stack.rootVault.ask('GET', 'sys/health');
    if (status === 503) await stack.rootVault.ask('PUT', 'sys/unseal', { key: vault.unsealKey });
    return status === 200;
  });
}

const etcdData = join(kubernetes.kubeconfig, '../etcd');

async function withClusterStopped(change: () => Promise<void>): Promise<void> {
  await stack.control.stop('kube-apiserver');
  await stack.control.stop('etcd');
  try {
    await change();
  } finally {
    await stack.control.start('etcd');
    await stack.control.start('kube-apiserver');
  }
}

/** @returns the folder with all that the cluster stores now. */
export async function backUpCluster(): Promise<string> {
  const copy = join(await backups(), 'etcd');
  await withClusterStopped(() => cp(etcdData, copy, { recursive: true }));
  return copy;
}

/** The cluster is as it was at the backup; Vault and the databases are not. */
export const restoreCluster = (copy: string): Promise<void> =>
  withClusterStopped(async () => {
    await rm(etcdData, { recursive: true });
    await cp(copy, etcdData, { recursive: true });
  });
