import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from './certificates.ts';
import type { FunctionSettings } from './function.ts';
import type { KubernetesApi } from './kubernetes/api.ts';
import { kubeconfigOf } from './kubernetes/kubeconfig.ts';
import { type Account, injector, requestToken } from './kubernetes/objects.ts';
import { replaceFile } from './replace-file.ts';
import { audience, authPath, databaseMount, injectorRole, secretName, secretPrefix } from './vault/names.ts';

const tokenSeconds = 24 * 3600;
const renewAfterMs = (tokenSeconds * 1000) / 2;

/** Keeps a token of a service account in a file, renewed in time, as the kubelet does for pods. */
export const projectToken = async (
  kubernetes: KubernetesApi,
  account: Account,
  audiences: readonly string[],
  file: string,
): Promise<void> => {
  const write = async (): Promise<void> =>
    replaceFile(file, await requestToken(kubernetes, account, audiences, tokenSeconds));
  await write();
  // One that fails is no news: the old token is good for as long again.
  setInterval(() => void write().catch(() => {}), renewAfterMs).unref();
};

export type ClusterPlace = { url: string; admin: KubernetesApi };
export type VaultPlace = { address: string; caFile?: string | undefined; namespace?: string | undefined };

/** The configuration that the reference document shows, for this stack, and the files that it names. */
export const prepareFunctions = async (
  folder: string,
  authority: Authority,
  cluster: ClusterPlace,
  vault: VaultPlace,
): Promise<FunctionSettings> => {
  await mkdir(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  const { certificate, key } = await authority.issue({ commonName: 'admission' });
  await writeFile(file('ca.crt'), authority.certificate);
  await writeFile(file('tls.crt'), certificate);
  await writeFile(file('tls.key'), key, { mode: 0o600 });
  await projectToken(cluster.admin, injector, [audience], file('token'));
  // The kubelet mounts a second token, for the API server itself.
  await projectToken(cluster.admin, injector, [], file('api-token'));
  const kubeconfig = kubeconfigOf(cluster.url, authority.certificate, { tokenFile: file('api-token') });
  await writeFile(file('kubeconfig'), kubeconfig, { mode: 0o600 });

  const configuration = {
    certFile: file('tls.crt'),
    keyFile: file('tls.key'),
    vaultAddress: vault.address,
    vaultAuthPath: authPath,
    logLevel: 'info',
    kubeRole: injectorRole,
    tokenTTL: '768h',
    vaultSecretName: secretName,
    vaultSecretPrefix: secretPrefix,
    mode: 'injector',
    listenAddress: '127.0.0.1',
    syncTTLSecond: 300,
    injectorLabel: 'vault-db-injector',
    defaultEngine: databaseMount,
    serviceAccountTokenFile: file('token'),
    ...(vault.namespace === undefined ? {} : { vaultNamespace: vault.namespace }),
    ...(vault.caFile === undefined ? {} : { vaultCaFile: vault.caFile }),
  };
  return { folder, configuration, caFile: file('ca.crt'), kubeconfig: file('kubeconfig') };
};
