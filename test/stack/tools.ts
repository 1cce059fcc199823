import { readFile } from 'node:fs/promises';
import type { StackDescription } from './description.ts';
import { type FunctionOptions, type FunctionPart, startFunction } from './function.ts';
import { createKubernetesApi, type KubernetesApi } from './kubernetes/api.ts';
import { caBundleOf, pointWebhook } from './kubernetes/webhook.ts';
import type { Processes, StackControl } from './process/processes.ts';
import { runSweep, type SweepOptions, type SweepRun } from './sweep.ts';
import { createVaultApi, type VaultApi } from './vault/api.ts';
import { createVaultFaults, type VaultFaults } from './vault/faults.ts';

/** What can be done with a running stack, by the process that started it and by any other. */
export type StackTools = {
  /** Its addresses and keys by the names that command line tools know, as .stack/env has them. */
  environment: Record<string, string>;
  /** Client with the root token, in the stack's namespace. */
  vault: VaultApi;
  /** Client with the root token, in the root namespace: for `sys/seal`, `sys/metrics` and the like. */
  rootVault: VaultApi;
  vaultFaults: VaultFaults;
  /** Stops and starts parts, `openbao` for instance, and scales functions. */
  control: StackControl;
  /** Client as a member of system:masters. */
  kubernetes: KubernetesApi;
  /** Starts one more instance of a function, which ends with the process that asked for it. */
  startFunction(options: FunctionOptions): Promise<FunctionPart>;
  /** Runs the renewal job once. */
  sweep(options?: SweepOptions): Promise<SweepRun>;
  /** Has the API server ask the admission function at `url`, and at the path that it is asked at, from now on. */
  pointWebhook(url: string): Promise<void>;
  /** Has it ask the stack's own again. */
  restoreWebhook(): Promise<void>;
};

export const createTools = async (
  description: StackDescription,
  processes: Processes,
  control: StackControl,
): Promise<StackTools> => {
  const { kubernetes, vault, functions } = description;
  const { address, caFile, rootToken: token } = vault;
  const ca = await readFile(kubernetes.caFile, 'utf8');
  const api = createKubernetesApi({
    url: kubernetes.url,
    ca,
    certificate: await readFile(kubernetes.adminCertificateFile, 'utf8'),
    key: await readFile(kubernetes.adminKeyFile, 'utf8'),
  });
  const rootVault = createVaultApi({ address, caFile, token });
  return {
    environment: description.environment,
    vault: createVaultApi({ address, caFile, token, namespace: vault.namespace }),
    rootVault,
    vaultFaults: createVaultFaults(vault, rootVault, control),
    control,
    kubernetes: api,
    startFunction: (options) => startFunction(processes, functions, options),
    sweep: (options) => runSweep(functions, options),
    pointWebhook: (url) =>
      pointWebhook(api, { url: `${url}${functions.webhookPath}`, caBundle: caBundleOf(ca) }),
    restoreWebhook: async () => {
      if (kubernetes.webhook !== undefined) await pointWebhook(api, kubernetes.webhook);
    },
  };
};
