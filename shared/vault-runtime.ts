/** What functions and jobs that ask Vault have: the same as every process, and a client of Vault. */
import { type Config, type ConfigSource, parseConfig } from './config.ts';
import type { Environment } from './config-source.ts';
import { createRuntime, type Runtime, readConfigFile } from './runtime.ts';
import { createVault, type VaultClient } from './vault/index.ts';

export interface VaultRuntime extends Runtime<Config> {
  readonly vault: VaultClient;
}

/**
 * @param path of the configuration file; absent if everything is in the environment.
 * @throws InjectorError `configuration_invalid`
 */
export function createVaultRuntime(
  name: ConfigSource['process'],
  environment: Environment,
  path = environment['CONFIG_FILE'],
): VaultRuntime {
  const file = readConfigFile(path);
  const runtime = createRuntime(name, parseConfig({ file, environment, process: name }));
  const { config, clock, metrics } = runtime;
  const vault = createVault(
    config.vault,
    clock,
    (outcome) => metrics.count(`connect_vault_count_${outcome}`, {}),
    ({ operation, status, durationMs }) => {
      metrics.count('vault_requests_total', { operation, status });
      metrics.observe('vault_request_duration_seconds', { operation }, durationMs / 1_000);
      const skewMs = vault.time.skewMs();
      if (skewMs !== undefined) metrics.set('clock_skew_seconds', {}, Math.round(skewMs / 1_000));
    },
  );
  return { ...runtime, vault };
}
