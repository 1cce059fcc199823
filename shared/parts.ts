/** What the functions and jobs that ask Vault are made of. */
import { type Config, type ConfigSource, parseConfig } from './config.ts';
import { createSurroundings, readConfigFile, type Surroundings } from './surroundings.ts';
import { createVault, type VaultClient } from './vault/index.ts';

export interface Parts extends Surroundings<Config> {
  readonly vault: VaultClient;
}

/**
 * @param name of the function or job, for its log.
 * @param file path of the configuration file; absent where the environment says everything.
 * @throws InjectorError `configuration_invalid`
 */
export function createParts(
  name: string,
  file: string | undefined,
  source: Omit<ConfigSource, 'file'>,
): Parts {
  const surroundings = createSurroundings(name, parseConfig({ ...source, file: readConfigFile(file) }));
  const { config, clock, metrics } = surroundings;
  const vault = createVault(config.vault, clock, (outcome) =>
    metrics.count(`connect_vault_count_${outcome}`, {}),
  );
  return { ...surroundings, vault };
}
