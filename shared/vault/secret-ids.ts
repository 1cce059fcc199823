/**
 * Wrapped secret_ids of AppRoles (https://developer.hashicorp.com/vault/api-docs/auth/approle#generate-new-secret-id,
 * https://developer.hashicorp.com/vault/docs/concepts/response-wrapping). Only the receiver that unwraps it sees the
 * secret_id: even the function that requests it does not.
 */
import * as v from 'valibot';
import { seconds } from '../numbers.ts';
import { Secret } from '../secret.ts';
import { checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { Work } from './requests.ts';
import type { Session } from './session.ts';

export interface SecretIdRequest {
  readonly role: string;
  /** Shown in Vault's audit log, also for each login with the secret_id. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The only address that may log in with it, if the role allows such a limit; absent: any. */
  readonly address: string | undefined;
  readonly wrapTtlSeconds: number;
}

export interface WrappedSecretId {
  /** Gives the secret_id once. */
  readonly token: Secret;
  /** RFC 3339, by Vault's clock. */
  readonly creationTime: string;
  readonly ttlSeconds: number;
}

export interface SecretIds {
  /** @throws VaultError */
  wrap(request: SecretIdRequest, work: Work): Promise<WrappedSecretId>;
}

const WrapAnswer = v.object({
  wrap_info: v.object({
    token: v.pipe(v.string(), v.nonEmpty()),
    ttl: seconds,
    creation_time: v.pipe(v.string(), v.isoTimestamp()),
  }),
});

// Added to the wrapping's lifetime to leave time for the login: a secret_id that nobody takes expires as well.
const LOGIN_WITHIN_SECONDS = 60;

/** Options that a role may refuse, by Vault's message. Each is tried first and dropped if refused. */
const RESTRICTIONS = [
  { parameter: 'cidr_list', refused: /CIDR/ },
  { parameter: 'ttl', refused: /ttl cannot be longer/ },
] as const;

export function createSecretIds(session: Pick<Session, 'send'>, mount: string): SecretIds {
  async function send(
    { role, wrapTtlSeconds }: SecretIdRequest,
    body: Readonly<Record<string, unknown>>,
    work: Work,
  ): Promise<WrappedSecretId> {
    const operation = `give a secret_id of AppRole "${role}"`;
    const answer = await session.send({
      operation,
      label: 'wrap a secret_id',
      method: 'POST',
      path: vaultPath('auth', mount, 'role', { name: role }, 'secret-id'),
      body,
      wrapTtlSeconds,
      work,
    });
    const { token, ttl, creation_time } = checked(WrapAnswer, operation, answer).wrap_info;
    return { token: new Secret(token), creationTime: creation_time, ttlSeconds: ttl };
  }

  async function sendAllowed(
    request: SecretIdRequest,
    body: Readonly<Record<string, unknown>>,
    work: Work,
  ): Promise<WrappedSecretId> {
    try {
      return await send(request, body, work);
    } catch (error) {
      // Vault answers 400 or, for the addresses, 500.
      const detail = error instanceof VaultError ? error.detail : '';
      const left = RESTRICTIONS.find(({ parameter, refused }) => parameter in body && refused.test(detail));
      if (!left) throw error;
      const { [left.parameter]: _, ...rest } = body;
      return sendAllowed(request, rest, work);
    }
  }

  return {
    wrap(request, work) {
      const { metadata, address, wrapTtlSeconds } = request;
      const body = {
        metadata: JSON.stringify(metadata),
        num_uses: 1,
        ttl: `${wrapTtlSeconds + LOGIN_WITHIN_SECONDS}s`,
        ...(address !== undefined && { cidr_list: [`${address}/${address.includes(':') ? 128 : 32}`] }),
      };
      return sendAllowed(request, body, work);
    },
  };
}
