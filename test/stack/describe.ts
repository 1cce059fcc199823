import type { StackDescription } from './description.ts';
import { startTimeOf } from './process/identity.ts';
import type { Part } from './process/launch.ts';
import type { StartedParts, StartOptions } from './start.ts';
import { authPath, databaseMount, secretName, secretPrefix } from './vault/names.ts';

const environmentOf = (parts: StartedParts, namespace: string | undefined): Record<string, string> => {
  const { cluster, vaultServer, postgres, knative } = parts;
  return {
    KUBECONFIG: cluster.kubeconfig,
    VAULT_ADDR: vaultServer.address,
    VAULT_TOKEN: vaultServer.rootToken,
    ...(vaultServer.caFile === undefined ? {} : { VAULT_CACERT: vaultServer.caFile }),
    ...(namespace === undefined ? {} : { VAULT_NAMESPACE: namespace }),
    VAULT_AUTH_PATH: authPath,
    VAULT_DATABASE_MOUNT: databaseMount,
    VAULT_SECRET_NAME: secretName,
    VAULT_SECRET_PREFIX: secretPrefix,
    DATABASE_URL: postgres.url,
    ...(knative === undefined
      ? {}
      : { ADMISSION_URL: knative.gatewayUrl, REVOCATION_URL: knative.activators.revocation.url }),
  };
};

/** What other processes need to know of the stack as it runs now. */
export const describe = (
  options: StartOptions,
  parts: StartedParts,
  running: readonly Part[],
  controlUrl: string,
): StackDescription => {
  const { cluster, vaultServer, postgres, settings, knative } = parts;
  const functions = Object.keys(knative?.activators ?? {});
  const { namespace } = options.vault;
  const { url, kubeconfig, adminCertificateFile, adminKeyFile } = cluster;
  return {
    folder: options.folder,
    kubernetes: {
      url,
      kubeconfig,
      caFile: cluster.caFile,
      adminCertificateFile,
      adminKeyFile,
      webhook: knative?.webhook,
    },
    vault: { ...vaultServer, namespace },
    databaseUrl: postgres.url,
    functions: settings,
    controlUrl,
    admissionUrl: knative?.gatewayUrl,
    revocationUrl: knative?.activators.revocation.url,
    deadLettersUrl: knative?.activators['dead-letters'].url,
    brokerUrl: knative?.brokerUrl,
    parts: running.map(({ name, pid, address: where, logFile }) => ({
      name,
      pid,
      startTime: startTimeOf(pid) ?? '',
      address: where,
      logFile,
      scalesToZero: functions.some((one) => name === one || name.startsWith(`${one}-`)),
    })),
    environment: environmentOf(parts, namespace),
  };
};
