/**
 * A new token in Vault's answer: of a login (https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login), of
 * its renewal, or of `auth/token/create-orphan`.
 */
import * as v from 'valibot';
import { seconds } from '../numbers.ts';
import { Secret } from '../secret.ts';
import { checked } from './answer.ts';

export interface IssuedToken {
  readonly token: Secret;
  /** Empty for a batch token. */
  readonly accessor: string;
  /** Lifetime without renewal; 0: it does not end. */
  readonly leaseSeconds: number;
  readonly renewable: boolean;
}

const clientToken = v.pipe(v.string(), v.nonEmpty());
const LoginAnswer = v.object({
  auth: v.object({
    client_token: clientToken,
    accessor: v.string(),
    lease_duration: seconds,
    renewable: v.boolean(),
  }),
});
const WithToken = v.object({ auth: v.object({ client_token: clientToken }) });

/** @throws VaultError `vault_answer_invalid` */
export function issuedToken(operation: string, answer: unknown): IssuedToken {
  const { client_token, accessor, lease_duration, renewable } = checked(LoginAnswer, operation, answer).auth;
  return { token: new Secret(client_token), accessor, leaseSeconds: lease_duration, renewable };
}

/** The token in an answer that came too late to be used, whatever else is in it: it has to be revoked. */
export function tokenIn(answer: unknown): Secret | undefined {
  const parsed = v.safeParse(WithToken, answer);
  return parsed.success ? new Secret(parsed.output.auth.client_token) : undefined;
}
