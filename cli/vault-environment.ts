/** Vault as the caller's environment describes it: the variables of the `vault` command, and its token file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../shared/config-source.ts';
import { Secret } from '../shared/secret.ts';
import type { VaultOptions } from './command.ts';

export interface VaultSettings {
  readonly address?: string;
  readonly caFile?: string;
  readonly namespace?: string;
}

/** @returns only what is given: an option, or else a variable that is not empty. */
export function vaultSettings(options: VaultOptions, environment: Environment): VaultSettings {
  const address = options.vaultAddress || environment['VAULT_ADDR'];
  const caFile = options.vaultCa || environment['VAULT_CACERT'];
  const namespace = environment['VAULT_NAMESPACE'];
  return {
    ...(address && { address: address.replace(/\/+$/, '') }),
    ...(caFile && { caFile }),
    ...(namespace && { namespace }),
  };
}

/** VAULT_TOKEN, or what `vault login` has written. */
export function operatorToken(environment: Environment): Secret | undefined {
  const token = environment['VAULT_TOKEN'] || storedToken(environment['HOME']);
  return token ? new Secret(token) : undefined;
}

function storedToken(home: string | undefined): string | undefined {
  if (!home) return undefined;
  try {
    return readFileSync(join(home, '.vault-token'), 'utf8').trim();
  } catch {
    return undefined;
  }
}
