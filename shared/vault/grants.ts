/**
 * Issuing and revoking: an orphan token of the role's policy, and database credentials under it, so that revoking the
 * token ends both (https://developer.hashicorp.com/vault/api-docs/auth/token#create-token,
 * https://developer.hashicorp.com/vault/api-docs/secret/databases#generate-credentials).
 */
import * as v from 'valibot';
import { seconds } from '../numbers.ts';
import { Secret } from '../secret.ts';
import { acknowledged, checked } from './answer.ts';
import { invalidAnswer, VaultError } from './failure.ts';
import { issuedToken, tokenIn } from './login-answer.ts';
import { vaultPath } from './path.ts';
import type { VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';
import { actOnToken, type TokenReference } from './token-reference.ts';

interface TokenRequest {
  readonly policy: string;
  readonly periodSeconds: number;
  /** Display name made of namespace and service account: Vault's audit log shows it with every use of the token. */
  readonly displayName: string;
  /** Who the token is for; also in the audit log. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly userName: string;
  readonly password: Secret;
  readonly leaseId: string;
  readonly leaseTtlSeconds: number;
}

/** A pod's token, which its credentials are issued under. */
export interface PodToken {
  readonly token: Secret;
  readonly accessor: string;
  /** Lifetime without renewal, as Vault granted it: its `max_lease_ttl` may cap the request. */
  readonly periodSeconds: number;
}

export interface Grants {
  /** @param onLate gets a token that arrives after the deadline: it has to be revoked. */
  createToken(
    request: TokenRequest,
    work: Work,
    onLate: (token: Promise<Secret | undefined>) => void,
  ): Promise<PodToken>;
  /**
   * @param onLate gets an answer that arrives after the deadline. Only then can the token be revoked for good: Vault
   * attaches a lease to a token even if the token is revoked while the lease is being created.
   * @throws VaultError
   */
  issue(
    from: { readonly mount: string; readonly role: string },
    token: Secret,
    work: Work,
    onLate: (answer: Promise<unknown>) => void,
  ): Promise<Credentials>;
  /** Revokes the token and with it every lease under it; a token that is already gone is success. */
  revoke(token: TokenReference, work: Work): Promise<void>;
}

const CredentialsAnswer = v.object({
  lease_id: v.pipe(v.string(), v.nonEmpty()),
  lease_duration: seconds,
  data: v.object({ username: v.pipe(v.string(), v.nonEmpty()), password: v.pipe(v.string(), v.nonEmpty()) }),
});

/** A role whose `credential_type` is not `password`. */
const OtherCredentials = v.object({
  data: v.union([v.object({ rsa_private_key: v.string() }), v.object({ client_certificate: v.string() })]),
});

export function createGrants(session: Pick<Session, 'send'>, requests: Pick<VaultRequests, 'send'>): Grants {
  return {
    async createToken({ policy, periodSeconds, displayName, metadata }, work, onLate) {
      const operation = 'create a token';
      const answer = await session.send({
        operation,
        method: 'POST',
        path: vaultPath('auth/token/create-orphan'),
        body: {
          policies: [policy],
          period: `${periodSeconds}s`,
          display_name: displayName,
          meta: metadata,
          renewable: true,
        },
        work,
        onLate: (late) => onLate(late.then(tokenIn)),
      });
      const { token, accessor, leaseSeconds } = issuedToken(operation, answer);
      // The record may refer to the token by it alone.
      if (accessor === '') throw invalidAnswer(operation);
      return { token, accessor, periodSeconds: leaseSeconds };
    },

    async issue({ mount, role }, token, work, onLate) {
      const operation = `issue credentials of role "${role}" at "${mount}"`;
      const path = vaultPath(mount, 'creds', { name: role });
      const answer = await requests
        .send({ operation, label: 'issue credentials', method: 'GET', path, token, work, onLate })
        .catch((error: unknown) => {
          throw explainIssue(error, mount, role);
        });
      const other = v.safeParse(OtherCredentials, answer);
      if (other.success) throw withoutPassword(Object.keys(other.output.data), mount, role);
      const { lease_id, lease_duration, data } = checked(CredentialsAnswer, operation, answer);
      return {
        userName: data.username,
        password: new Secret(data.password),
        leaseId: lease_id,
        leaseTtlSeconds: lease_duration,
      };
    },

    async revoke(token, work) {
      await acknowledged('revoke a token', actOnToken(session, 'revoke', token, work));
    },
  };
}

function withoutPassword(kinds: readonly string[], mount: string, role: string): VaultError {
  return new VaultError(
    'vault_rejected',
    `role "${role}" at "${mount}" gives no password, but a ${kinds.join(', ')}: expected a role with credential_type "password"`,
    { operation: 'issue credentials', status: 200 },
  );
}

/** 403 and 404 concern the role's set-up, not the injector: its owner has to know. */
function explainIssue(error: unknown, mount: string, role: string): unknown {
  if (!(error instanceof VaultError)) return error;
  const facts = { operation: error.operation, status: error.status, detail: error.detail, cause: error };
  if (error.status === 403) {
    return new VaultError(
      'vault_rejected',
      `the role's policy does not allow to read "${mount}/creds/${role}" in Vault`,
      facts,
    );
  }
  if (error.status === 404) {
    return new VaultError('vault_rejected', `Vault has no database engine at "${mount}"`, facts);
  }
  return error;
}
