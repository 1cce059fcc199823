/**
 * What a record of the ledger refers to its grant's token by: the token itself, as the reference does, or its accessor,
 * which names it and opens nothing (https://developer.hashicorp.com/vault/docs/concepts/tokens#token-accessors).
 */
import { Secret } from '../secret.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { Work } from './requests.ts';
import type { Session } from './session.ts';

export type TokenReference = Secret | TokenAccessor;

interface TokenAccessor {
  readonly accessor: string;
}

type Action = 'renew' | 'revoke';

/**
 * Renews or revokes a token that is not the injector's own, by what is known of it. Revoking one that is gone is success.
 *
 * @throws VaultError; where a policy does not know of accessors yet, it says what to do.
 */
export function actOnToken(
  session: Pick<Session, 'send'>,
  action: Action,
  token: TokenReference,
  work: Work,
): Promise<unknown> {
  const request = { operation: `${action} a token`, method: 'POST', work } as const;
  if (token instanceof Secret) {
    const body = { token: token.reveal() };
    return session.send({ ...request, path: vaultPath('auth/token', action), body });
  }
  const path = vaultPath('auth/token', `${action}-accessor`);
  const body = { accessor: token.accessor };
  return session.send({ ...request, path, body }).catch((error: unknown) => {
    // Some versions of Vault say so of a token that is gone; others answer as if it had been there.
    if (action === 'revoke' && isGone(error)) return undefined;
    throw explainDenial(error, action);
  });
}

function isGone(error: unknown): boolean {
  return (
    error instanceof VaultError &&
    [400, 404].includes(error.status) &&
    /invalid accessor|token not found/i.test(error.detail)
  );
}

/** The reference's policy has no such path, nor have ours of before. */
function explainDenial(error: unknown, action: Action): unknown {
  if (!(error instanceof VaultError) || error.status !== 403) return error;
  const { operation, status, detail } = error;
  return new VaultError(
    'vault_denied',
    `Vault's policy does not allow the injector to ${action} a token by its accessor (auth/token/${action}-accessor), which "tokenReference: accessor" needs: write the policies of knative/vault anew, or set "tokenReference: token" for new grants`,
    { operation, status, detail, cause: error },
  );
}
