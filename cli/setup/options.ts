/** Options that both halves of `setup` have in common. */

import * as v from 'valibot';
import { monotonicClock } from '../../shared/deadline.ts';
import { parseDuration } from '../../shared/duration.ts';
import { Secret } from '../../shared/secret.ts';
import { createOperator, type Operator } from '../../shared/vault/operator.ts';
import { flagOption, textOption } from '../options.ts';
import { Misuse, Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { vaultMount } from './names.ts';

export const OUTPUTS = ['terraform', 'sql', 'sh'] as const;

export const COMMON_OPTIONS = {
  mount: v.optional(vaultMount, 'databases'),
  'vault-address': textOption,
  'vault-ca': textOption,
  'dry-run': flagOption,
  output: v.optional(v.picklist(OUTPUTS, `expected ${OUTPUTS.join(', ')}`)),
  yes: flagOption,
  help: flagOption,
};
export const COMMON_USAGE = `  --vault-address URL  address of Vault (default: VAULT_ADDR; VAULT_TOKEN and VAULT_NAMESPACE are used, too)
  --vault-ca FILE      CA certificate (PEM) of Vault (default: VAULT_CACERT)
  --dry-run            print what would be done, change nothing
  --output FORMAT      print terraform, sql (for psql) or sh instead; connects to nothing
  --yes                do not ask for confirmation; required without a terminal
  -h, --help           show this help`;

/** Seconds, as Vault takes them. */
export const durationOption = (fallback: string) =>
  v.optional(
    v.pipe(
      v.string(),
      v.check((text) => parseDuration(text) !== undefined, 'expected a duration such as 1h or 90m'),
      v.transform((text) => `${Math.round((parseDuration(text) ?? 0) / 1_000)}s`),
    ),
    fallback,
  );

interface VaultOptions {
  readonly 'vault-address'?: string | undefined;
  readonly 'vault-ca'?: string | undefined;
}

/** @throws Misuse unless Vault's address and a token are given. */
export function openVault(options: VaultOptions, environment: NodeJS.ProcessEnv): Operator {
  const address = options['vault-address'] ?? environment['VAULT_ADDR'];
  const token = environment['VAULT_TOKEN'];
  if (!address || !URL.canParse(address))
    throw new Misuse("Vault's address is missing: VAULT_ADDR=https://…:8200, or --vault-address");
  if (!token) throw new Misuse('Vault token is missing: VAULT_TOKEN=…');
  return createOperator(
    {
      address: address.replace(/\/+$/, ''),
      token: new Secret(token),
      namespace: environment['VAULT_NAMESPACE'] || undefined,
      caFile: options['vault-ca'] ?? (environment['VAULT_CACERT'] || undefined),
    },
    monotonicClock,
  );
}

/** @throws Refusal */
export async function mustBeMeant(question: string, terminal: Terminal): Promise<void> {
  const answer = terminal.confirm(question);
  if (answer === undefined)
    throw new Refusal('nothing was done: there is no terminal to ask on; to confirm, add --yes');
  if (!(await answer)) throw new Refusal('nothing was done');
}
