import type { Config } from '../shared/config.ts';
import type { Environment } from '../shared/config-source.ts';
import { deadlineIn, monotonicClock } from '../shared/deadline.ts';
import { InjectorError } from '../shared/errors.ts';
import type { KubernetesApi } from '../shared/kubernetes/api.ts';
import type { VaultClient } from '../shared/vault/index.ts';
import { type InstallationOptions, readInstallation } from './installation.ts';
import type { ProcessName } from './processes.ts';
import { cleaningUp } from './when-ended.ts';

export interface VaultSession {
  readonly vault: VaultClient;
  readonly config: Config;
}

interface Caller {
  readonly api: KubernetesApi;
  readonly options: InstallationOptions;
  readonly environment: Environment;
}

const READ_WITHIN_MS = 10_000;
const LOGOUT_WITHIN_MS = 2_000;
const ANSWER_WITHIN_MS = 3_000;

/** Work in Vault as one of the processes, with a login before and a logout after it. */
export async function openSession<T>(
  caller: Caller,
  process: ProcessName,
  work: (session: VaultSession) => Promise<T>,
): Promise<T> {
  const installation = await readInTime(caller);
  const [config, vault] = [installation.config(process), installation.vault(process)];
  const logOut = async () => {
    using closing = deadlineIn(LOGOUT_WITHIN_MS, monotonicClock);
    // A login that cannot be revoked expires by itself.
    await vault.session.close(closing).catch(() => {});
    vault.close();
  };
  return cleaningUp(logOut, () => work({ vault, config }));
}

async function readInTime({ api, options, environment }: Caller) {
  using deadline = deadlineIn(READ_WITHIN_MS, monotonicClock);
  return await readInstallation(api, options, environment, deadline);
}

/**
 * Checked first: a login is retried for longer than a person likes to wait.
 *
 * @throws InjectorError if Vault does not answer, or is sealed.
 */
export async function mustAnswer({ inspection }: Pick<VaultClient, 'inspection'>): Promise<void> {
  using deadline = deadlineIn(ANSWER_WITHIN_MS, monotonicClock);
  const { sealed } = await inspection.health({ deadline, vaultCalls: 0 });
  if (sealed) throw new InjectorError('vault_unavailable', 'Vault is sealed; its operator has to unseal it');
}
