/** Vault as its operator: the caller, with their own token. */
import { monotonicClock } from '../../shared/deadline.ts';
import { createOperator, type Operator } from '../../shared/vault/operator.ts';
import type { VaultOptions } from '../command.ts';
import { Misuse } from '../refusal.ts';
import { operatorToken, vaultSettings } from '../vault-environment.ts';

/** @throws Misuse unless Vault's address and a token are given. */
export function openVault(options: VaultOptions, environment: NodeJS.ProcessEnv): Operator {
  const { address, caFile, namespace } = vaultSettings(options, environment);
  const token = operatorToken(environment);
  if (!address || !URL.canParse(address))
    throw new Misuse("Vault's address is missing: VAULT_ADDR=https://…:8200, or --vault-address");
  if (!token) throw new Misuse('Vault token is missing: VAULT_TOKEN=…, or vault login');
  return createOperator({ address, token, namespace, caFile }, monotonicClock);
}
