/**
 * How a ledger record refers to its grant's token: by the token itself, as the reference does, or by its accessor,
 * which identifies it but grants nothing
 * (https://developer.hashicorp.com/vault/docs/concepts/tokens#token-accessors).
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

/**
 * Whether anything is known by which the token can be ended. Not so for a grant whose record was deleted before any
 * answer of Vault contained the accessor: only its lease is known.
 */
export const hasToken = ({ token }: { readonly token: TokenReference }): boolean =>
  token instanceof Secret || token.accessor !== '';

type Action = 'renew' | 'revoke';

/**
 * Renews or revokes a token other than the injector's own, by what is known of it. Revoking a token that is gone is
 * success.
 *
 * @throws VaultError; it says what to do if a policy does not cover accessors yet.
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
    // Some versions of Vault answer this for a token that is gone; others answer as if it existed.
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

/** The reference's policy has no such path, nor do our older ones. */
function explainDenial(error: unknown, action: Action): unknown {
  if (!(error instanceof VaultError) || error.status !== 403) return error;
  const { operation, status, detail } = error;
  return new VaultError(
    'vault_denied',
    `Vault's policy does not allow the injector to ${action} a token by its accessor (auth/token/${action}-accessor), which "tokenReference: accessor" needs: apply the policies of knative/vault again, or set "tokenReference: token" for new grants`,
    { operation, status, detail, cause: error },
  );
}
