import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { Authority } from './certificates.ts';
import type { FunctionSettings } from './function.ts';
import type { KubernetesApi } from './kubernetes/api.ts';
import { kubeconfigOf } from './kubernetes/kubeconfig.ts';
import { type Account, requestToken } from './kubernetes/objects.ts';
import type { Manifests } from './manifests.ts';
import { replaceFile } from './replace-file.ts';
import { audience, authPath, databaseMount, secretName, secretPrefix } from './vault/names.ts';

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
type VaultPlace = { address: string; caFile?: string | undefined; namespace?: string | undefined };
/** What a service account's pod is given by the kubelet. */
type Identity = { tokenFile: string; kubeconfig: string };

export type SettingsOptions = {
  folder: string;
  authority: Authority;
  cluster: ClusterPlace;
  vault: VaultPlace;
  manifests: Manifests;
};

const functionNames = ['admission', 'revocation', 'dead-letters', 'approle'] as const;
const jobNames = ['renewal', 'replay'] as const;

const identify = async (
  { folder, authority, cluster }: SettingsOptions,
  { serviceAccount, namespace }: Account,
): Promise<Identity> => {
  const file = (name: string): string => join(folder, `${serviceAccount}.${name}`);
  const account = { namespace, serviceAccount };
  await projectToken(cluster.admin, account, [audience], file('token'));
  await projectToken(cluster.admin, account, [], file('api-token'));
  const content = kubeconfigOf(
    cluster.url,
    authority.certificate,
    { tokenFile: file('api-token') },
    namespace,
  );
  await writeFile(file('kubeconfig'), content, { mode: 0o600 });
  return { tokenFile: file('token'), kubeconfig: file('kubeconfig') };
};

const shared = v.object({ data: v.object({ 'config.yaml': v.string() }) });

/** The manifests' own, which the container's user would change as an overlay shows. */
const configurationIn = (manifests: Manifests): Record<string, string | number | boolean> => {
  const { data } = v.parse(shared, manifests.find('ConfigMap', 'configuration'));
  const values = v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]));
  return v.parse(values, parse(data['config.yaml']));
};

/** The configuration of the manifests for this stack, and the files that it names. */
export const prepareFunctions = async (options: SettingsOptions): Promise<FunctionSettings> => {
  const { folder, authority, vault, manifests } = options;
  await mkdir(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  const { certificate, key } = await authority.issue({ commonName: 'admission' });
  await writeFile(file('ca.crt'), authority.certificate);
  await writeFile(file('tls.crt'), certificate);
  await writeFile(file('tls.key'), key, { mode: 0o600 });
  const secret = randomBytes(32).toString('hex');
  await mkdir(file('webhook-path'), { recursive: true });
  await writeFile(file('webhook-path/current'), secret, { mode: 0o600 });

  const containers = [
    ...functionNames.map((name) => manifests.knativeService(name)),
    ...jobNames.map((name) => manifests.cronJob(name)),
  ];
  const identities = await Promise.all(containers.map((container) => identify(options, container)));
  const configuration = {
    ...configurationIn(manifests),
    certFile: file('tls.crt'),
    keyFile: file('tls.key'),
    vaultAddress: vault.address,
    vaultAuthPath: authPath,
    vaultSecretName: secretName,
    vaultSecretPrefix: secretPrefix,
    listenAddress: '127.0.0.1',
    defaultEngine: databaseMount,
    webhookPathSecretFolder: file('webhook-path'),
    ...(vault.namespace === undefined ? {} : { vaultNamespace: vault.namespace }),
    ...(vault.caFile === undefined ? {} : { vaultCaFile: vault.caFile }),
  };
  return {
    folder,
    configuration,
    caFile: file('ca.crt'),
    webhookPath: `/${secret}`,
    containers: Object.fromEntries(
      containers.map(({ name, args, env }, index) => {
        const { tokenFile = '', kubeconfig = '' } = identities[index] ?? {};
        return [name, { args: [...args], env, tokenFile, kubeconfig }];
      }),
    ),
  };
};
