/** The installation that a command works on: its configuration, and logins to Vault as its processes. */
import { existsSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { type Config, parseConfig } from '../shared/config.ts';
import type { Environment } from '../shared/config-source.ts';
import { type Deadline, deadlineIn, monotonicClock } from '../shared/deadline.ts';
import { type KubernetesApi, KubernetesError } from '../shared/kubernetes/api.ts';
import { readObject, requestToken, userNameOf } from '../shared/kubernetes/objects.ts';
import { readConfigFile } from '../shared/runtime.ts';
import { Secret } from '../shared/secret.ts';
import { fixedCa } from '../shared/vault/ca-file.ts';
import { createVault, type VaultClient } from '../shared/vault/index.ts';
import type { InstallationOptions } from './command.ts';
import { NAMESPACE } from './objects.ts';
import { PROCESSES, type ProcessName, type ProcessPlace, readPlace } from './processes.ts';
import { Refusal } from './refusal.ts';
import { type VaultSettings, vaultSettings } from './vault-environment.ts';

export interface Installation {
  /** Source of the configuration, for people. */
  readonly source: string;
  readonly places: Readonly<Record<ProcessName, ProcessPlace>>;
  /** @throws InjectorError `configuration_invalid` */
  config(process: ProcessName): Config;
  /** A client that logs in as the process does. @throws InjectorError `configuration_invalid` */
  vault(process: ProcessName): VaultClient;
}

const ConfigMap = v.object({ data: v.object({ 'config.yaml': v.string() }) });
const CONFIG_MAP = `/api/v1/namespaces/${NAMESPACE}/configmaps/configuration`;
const Authority = v.object({ data: v.object({ 'ca.crt': v.string() }) });
const VAULT_CA = `/api/v1/namespaces/${NAMESPACE}/configmaps/vault-ca`;
const TOKEN_WITHIN_MS = 5_000;
// Environment that Kubernetes sets for the Job, and the manifests' own, used if nobody can read these.
const OF_THE_PLATFORM = { JOB_COMPLETION_INDEX: '0' };
const OF_THE_MANIFESTS = { INJECTOR_WEBHOOK_PATH_SECRET_FOLDER: '/etc/vault-db-injector/webhook-path/' };

/** @throws Refusal if no configuration can be found; KubernetesError, InjectorError */
export async function readInstallation(
  api: KubernetesApi,
  options: InstallationOptions,
  environment: Environment,
  deadline: Deadline,
): Promise<Installation> {
  const path = options.config ?? environment['CONFIG_FILE'];
  const vault = vaultSettings(options, environment);
  const [file, authority, admission, renewal, revocation] = await Promise.all([
    path === undefined ? readConfigMap(api, deadline) : readConfigFile(path),
    vault.caFile === undefined ? readAuthority(api, deadline) : undefined,
    readPlace('admission', api, deadline),
    readPlace('renewal', api, deadline),
    readPlace('revocation', api, deadline),
  ]);
  const places = { admission, renewal, revocation };
  const environmentOf = (process: ProcessName): Environment =>
    path === undefined
      ? { ...OF_THE_PLATFORM, ...(places[process].environment ?? OF_THE_MANIFESTS) }
      : ownEnvironment(environment, process);
  const config = (process: ProcessName) => configOf(file ?? '', environmentOf(process), process, vault);
  return {
    source: path ?? `ConfigMap configuration in ${NAMESPACE}`,
    places,
    config,
    vault: (process) => connect(config(process), authority, places[process], api),
  };
}

/**
 * Reads a local file, no cluster needed; `undefined` if no file is named. @throws InjectorError
 * `configuration_invalid`
 */
export function configFromFile(
  options: InstallationOptions,
  environment: Environment,
  process: ProcessName,
): Config | undefined {
  const path = options.config ?? environment['CONFIG_FILE'];
  if (path === undefined) return undefined;
  const own = ownEnvironment(environment, process);
  return configOf(readConfigFile(path) ?? '', own, process, vaultSettings(options, environment));
}

async function readConfigMap(api: KubernetesApi, deadline: Deadline): Promise<string> {
  const found = await readObject(api, CONFIG_MAP, ConfigMap, deadline);
  if (found) return found.data['config.yaml'];
  throw new Refusal(
    `there is no ConfigMap configuration in ${NAMESPACE}: install first (npx vault-db-injector install), or use --config FILE`,
  );
}

/** The caller's environment, as far as it is configuration; a role of one process does not name the others'. */
function ownEnvironment(environment: Environment, process: ProcessName): Environment {
  const own = Object.entries(environment).filter(([name]) => name.startsWith('INJECTOR_'));
  const suffix = new RegExp(`-(?:${PROCESSES.join('|')})$`);
  const role = environment['INJECTOR_KUBE_ROLE']?.replace(suffix, `-${process}`);
  return {
    ...OF_THE_PLATFORM,
    ...OF_THE_MANIFESTS,
    ...Object.fromEntries(own),
    ...(role !== undefined && { INJECTOR_KUBE_ROLE: role }),
  };
}

function configOf(
  file: string,
  environment: Environment,
  process: ProcessName,
  vault: VaultSettings,
): Config {
  const isNamed = environment['INJECTOR_KUBE_ROLE'] !== undefined || /^kubeRole:/m.test(file);
  const fallback = isNamed ? {} : { INJECTOR_KUBE_ROLE: `vault-db-injector-${process}` };
  const config = parseConfig({
    file,
    environment: { ...environment, ...fallback },
    process,
  });
  return { ...config, vault: { ...config.vault, ...vault } };
}

/** Authority of Vault's certificate, as the processes' pods mount it; `undefined` if the caller can see none. */
async function readAuthority(api: KubernetesApi, deadline: Deadline): Promise<string | undefined> {
  const found = await readObject(api, VAULT_CA, Authority, deadline).catch((error: unknown) => {
    if (error instanceof KubernetesError) return undefined;
    throw error;
  });
  return found?.data['ca.crt'];
}

/** @param authority from the cluster: replaces a file that exists in the processes' pods only. */
function connect(
  { vault }: Config,
  authority: string | undefined,
  place: ProcessPlace,
  api: KubernetesApi,
): VaultClient {
  const isElsewhere = vault.caFile !== undefined && !existsSync(vault.caFile);
  const ca = isElsewhere && authority !== undefined ? { authority: fixedCa(authority) } : {};
  const readServiceAccountToken = async () =>
    (await ownToken(vault.serviceAccountTokenFile, place)) ?? (await askForToken(place, api));
  return createVault({ ...vault, ...ca, readServiceAccountToken }, monotonicClock, () => {});
}

/** True if the command runs in that process' own pod. */
async function ownToken(file: string, { account }: ProcessPlace): Promise<Secret | undefined> {
  if (!existsSync(file)) return undefined;
  const { decodeJwt } = await import('jose');
  const token = readFileSync(file, 'utf8').trim();
  try {
    return decodeJwt(token).sub === userNameOf(account) ? new Secret(token) : undefined;
  } catch {
    return undefined;
  }
}

async function askForToken({ account, audience }: ProcessPlace, api: KubernetesApi): Promise<Secret> {
  using deadline = deadlineIn(TOKEN_WITHIN_MS, monotonicClock);
  return await requestToken(api, account, audience, deadline);
}
