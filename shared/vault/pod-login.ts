/**
 * A login to Vault as a pod's own service account
 * (https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login): Vault itself decides who may assume which
 * role, and its audit log names the application.
 */
import type { Secret } from '../secret.ts';
import { AccessDenied } from './authorization.ts';
import { VaultError } from './failure.ts';
import type { PodToken } from './grants.ts';
import { issuedToken, tokenIn } from './login-answer.ts';
import { vaultPath } from './path.ts';
import type { VaultRequests, Work } from './requests.ts';

export interface PodLogin {
  /**
   * @param jwt of the service account.
   * @param onLate gets a token that arrives too late to be used: it has to be revoked.
   * @throws AccessDenied if Vault refuses the login; VaultError
   */
  logIn(
    role: string,
    jwt: Secret,
    work: Work,
    onLate: (token: Promise<Secret | undefined>) => void,
  ): Promise<PodToken>;
}

export function createPodLogin(requests: Pick<VaultRequests, 'send'>, authPath: string): PodLogin {
  const path = vaultPath('auth', authPath, 'login');
  return {
    async logIn(role, jwt, work, onLate) {
      const operation = `let the pod's service account log in with auth role "${role}"`;
      const request = { operation, label: 'log a pod in', method: 'POST', path, work } as const;
      const answer = await requests
        .send({ ...request, body: { role, jwt: jwt.reveal() }, onLate: (late) => onLate(late.then(tokenIn)) })
        .catch((error: unknown) => {
          throw explain(error, role);
        });
      const { token, accessor, leaseSeconds, renewable } = issuedToken(operation, answer);
      if (renewable) return { token, accessor, periodSeconds: leaseSeconds };
      onLate(Promise.resolve(token));
      throw new AccessDenied(
        'login',
        `auth role "${role}" gives tokens that cannot be renewed (token_type, token_num_uses or token_explicit_max_ttl): credentials would end with them`,
      );
    },
  };
}

/** Vault answers 400 for a missing role, and 403 if the role does not allow the pod. */
function explain(error: unknown, role: string): unknown {
  if (!(error instanceof VaultError) || ![400, 403, 404].includes(error.status)) return error;
  const detail = error.detail && `: ${error.detail}`;
  return new AccessDenied(
    'login',
    `Vault does not let the pod's service account log in with auth role "${role}"${detail}`,
  );
}
