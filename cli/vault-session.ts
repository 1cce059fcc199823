import type { Config } from '../shared/config.ts';
import type { Environment } from '../shared/config-source.ts';
import { deadlineIn, monotonicClock } from '../shared/deadline.ts';
import { InjectorError } from '../shared/errors.ts';
import type { KubernetesClient } from '../shared/kubernetes/api.ts';
import type { VaultClient } from '../shared/vault/index.ts';
import { beginWork } from '../shared/vault/requests.ts';
import { connectTo } from './cluster.ts';
import type { InstallationOptions } from './command.ts';
import { readInstallation } from './installation.ts';
import type { ProcessName } from './processes.ts';
import { cleaningUp } from './when-ended.ts';

export interface VaultSession {
  readonly vault: VaultClient;
  readonly config: Config;
  readonly api: KubernetesClient;
}

interface Target {
  readonly options: InstallationOptions;
  readonly environment: Environment;
}

const READ_WITHIN_MS = 10_000;
const LOGOUT_WITHIN_MS = 2_000;
const ANSWER_WITHIN_MS = 3_000;

/**
 * Work in Vault as one of the processes, with a login before and a logout after it.
 *
 * @throws InjectorError if Vault does not answer, or is sealed.
 */
export const inVault = <T>(
  target: Target,
  process: ProcessName,
  work: (session: VaultSession) => Promise<T>,
): Promise<T> =>
  openSession(target, process, async (session) => {
    await mustAnswer(session);
    return work(session);
  });

/** The same, whether Vault answers or not. */
export async function openSession<T>(
  { options, environment }: Target,
  process: ProcessName,
  work: (session: VaultSession) => Promise<T>,
): Promise<T> {
  const api = connectTo(options);
  const installation = await readInTime(api, options, environment);
  const [config, vault] = [installation.config(process), installation.vault(process)];
  const logOut = async () => {
    using closing = deadlineIn(LOGOUT_WITHIN_MS, monotonicClock);
    // A login that cannot be revoked expires by itself.
    await vault.session.close(closing).catch(() => {});
    vault.close();
  };
  return cleaningUp(logOut, () => work({ vault, config, api }));
}

async function readInTime(api: KubernetesClient, options: InstallationOptions, environment: Environment) {
  using deadline = deadlineIn(READ_WITHIN_MS, monotonicClock);
  return await readInstallation(api, options, environment, deadline);
}

/**
 * Checked first: a login is retried for longer than a person likes to wait.
 *
 * @throws InjectorError that names the address, if Vault does not answer, or is sealed.
 */
export async function mustAnswer({ vault, config }: VaultSession): Promise<void> {
  const { address } = config.vault;
  using deadline = deadlineIn(ANSWER_WITHIN_MS, monotonicClock);
  const work = beginWork(deadline);
  try {
    const { sealed } = await vault.inspection.health(work);
    if (!sealed) return;
  } catch (error) {
    if (!(error instanceof InjectorError)) throw error;
    // Late, because it was tried several times: the reason of these failures says more.
    const { code, message } = error.code === 'vault_timeout' ? (work.lastFailure ?? error) : error;
    throw new InjectorError(code, `${message}; tried ${address}`, { cause: error });
  }
  throw new InjectorError(
    'vault_unavailable',
    `Vault at ${address} is sealed; its operator has to unseal it`,
  );
}
