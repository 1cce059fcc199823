/** The accessor of a token (https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self). */
import * as v from 'valibot';
import type { Secret } from '../secret.ts';
import { checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';
import { actOnToken } from './token-reference.ts';

export interface Accessors {
  /**
   * Looks up the token by itself, which the policy `default` allows. Vault gives the same refusal for a dead token
   * and for a missing right.
   *
   * @returns `undefined` if it was refused.
   * @throws VaultError
   */
  lookUp(token: Secret, work: Work): Promise<string | undefined>;
  /**
   * Renews the token, which the injector is allowed to do.
   *
   * @returns `undefined` if Vault no longer knows the token.
   * @throws VaultError
   */
  renew(token: Secret, work: Work): Promise<string | undefined>;
}

const accessor = v.pipe(v.string(), v.nonEmpty());
const LookUpAnswer = v.object({ data: v.object({ accessor }) });
const RenewalAnswer = v.object({ auth: v.object({ accessor }) });

export function createAccessors(
  session: Pick<Session, 'send'>,
  requests: Pick<VaultRequests, 'send'>,
): Accessors {
  return {
    async lookUp(token, work) {
      const operation = 'look up a token';
      const path = vaultPath('auth/token/lookup-self');
      const answer = requests.send({ operation, method: 'GET', path, token, work });
      const found = await unless([403], answer);
      return found === undefined ? undefined : checked(LookUpAnswer, operation, found).data.accessor;
    },
    async renew(token, work) {
      const found = await unless([400, 404], actOnToken(session, 'renew', token, work));
      return found === undefined ? undefined : checked(RenewalAnswer, 'renew a token', found).auth.accessor;
    },
  };
}

async function unless(statuses: readonly number[], answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof VaultError && statuses.includes(error.status)) return undefined;
    throw error;
  }
}
