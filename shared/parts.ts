/** The collaborators of functions and jobs that ask Vault. */
import { type Config, type ConfigSource, parseConfig } from './config.ts';
import { createSurroundings, readConfigFile, type Surroundings } from './surroundings.ts';
import type { ProcessName } from './telemetry/metric-table.ts';
import { createVault, type VaultClient } from './vault/index.ts';

export interface Parts extends Surroundings<Config> {
  readonly vault: VaultClient;
}

/**
 * @param file path of the configuration file; absent if everything is in the environment.
 * @throws InjectorError `configuration_invalid`
 */
export function createParts(
  name: ProcessName,
  file: string | undefined,
  source: Omit<ConfigSource, 'file'>,
): Parts {
  const surroundings = createSurroundings(name, parseConfig({ ...source, file: readConfigFile(file) }));
  const { config, clock, metrics } = surroundings;
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
  return { ...surroundings, vault };
}
