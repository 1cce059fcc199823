/** What the checks look at, each thing read once. */
import type { Config } from '../../shared/config.ts';
import type { Environment } from '../../shared/config-source.ts';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import type { KubernetesClient } from '../../shared/kubernetes/api.ts';
import { Secret } from '../../shared/secret.ts';
import type { VaultClient } from '../../shared/vault/index.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { type Installation, type InstallationOptions, readInstallation } from '../installation.ts';
import type { ProcessName } from '../processes.ts';

export interface Facts {
  readonly api: KubernetesClient;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Of somebody who may see more of Vault than the injector; absent where there is none. */
  readonly operatorToken: Secret | undefined;
  installation(): Promise<Installation>;
  config(process?: ProcessName): Promise<Config>;
  /** Logged in as that process. */
  vault(process?: ProcessName): Promise<VaultClient>;
  deadline(): Deadline;
  work(): Work;
  /** Ends all logins. */
  close(): Promise<void>;
}

const LOOK_WITHIN_MS = 5_000;

export function createFacts(
  api: KubernetesClient,
  options: InstallationOptions,
  environment: Environment,
): Facts {
  const deadline = () => deadlineIn(LOOK_WITHIN_MS, monotonicClock);
  const clients = new Map<ProcessName, VaultClient>();
  const token = environment['VAULT_TOKEN'];
  let reading: Promise<Installation> | undefined;
  const installation = () => {
    reading ??= readInstallation(api, options, environment, deadline());
    return reading;
  };
  return {
    api,
    now: Date.now,
    operatorToken: token ? new Secret(token) : undefined,
    installation,
    config: async (process = 'renewal') => (await installation()).config(process),
    async vault(process = 'renewal') {
      const client = clients.get(process) ?? (await installation()).vault(process);
      clients.set(process, client);
      return client;
    },
    deadline,
    work: () => ({ deadline: deadline(), vaultCalls: 0 }),
    async close() {
      // One that cannot be ended ends by itself.
      const ends = [...clients.values()].map((client) =>
        client.session.close(deadline()).finally(client.close),
      );
      await Promise.allSettled(ends);
    },
  };
}
