/** Processes that may do in Vault what one policy of knative/vault says, and nothing else: not even what `default` adds. */
import { randomUUID } from 'node:crypto';
import { audience } from '../../stack/vault/names.ts';
import { type ProcessPolicy, processPolicy } from '../../stack/vault/policies.ts';
import { addAuthRole, addPolicy } from '../../stack/vault/roles.ts';
import { type Keys, openFleet } from './fleet.ts';
import { stack } from './stack.ts';

const names: readonly ProcessPolicy[] = ['admission', 'renewal', 'revocation', 'approle'];

export interface StrictWishes {
  readonly keys?: Keys;
  /** What admission may give to pods. */
  readonly applicationPolicies?: readonly string[];
  /** A database engine beside the stack's. */
  readonly engine?: string;
  /** Makes another policy of it. */
  readonly change?: (name: ProcessPolicy, policy: string) => string;
}

export type StrictFleet = Awaited<ReturnType<typeof openStrictFleet>>;

/** A fleet in a folder of its own in the ledger, for which alone the policies are. */
export async function openStrictFleet({ keys, applicationPolicies, engine, change }: StrictWishes = {}) {
  const ledgerPrefix = `strict-${randomUUID().slice(0, 8)}`;
  const roleOf = (name: ProcessPolicy) => `${ledgerPrefix}-${name}`;
  for (const name of names) {
    const policy = await processPolicy(name, {
      ledgerPrefix,
      engine,
      ...(applicationPolicies && { applicationPolicies }),
    });
    await addPolicy(stack.vault, roleOf(name), change?.(name, policy) ?? policy);
    await addAuthRole(stack.vault, {
      name: roleOf(name),
      serviceAccounts: ['*'],
      namespaces: ['vault-injector'],
      policies: [roleOf(name)],
      audience,
      more: { token_no_default_policy: true },
    });
  }
  const fleet = await openFleet({ vaultSecretPrefix: ledgerPrefix, kubeRole: roleOf('admission'), ...keys });
  return {
    fleet,
    ledgerPrefix,
    /** Configuration of that process. */
    keysOf: (name: ProcessPolicy): Keys => ({ ...fleet.keys, kubeRole: roleOf(name) }),
    roleOf,
  };
}
