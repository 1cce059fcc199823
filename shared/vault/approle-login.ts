/**
 * Exchanges a wrapped secret_id for a token, on the side of the application
 * (https://developer.hashicorp.com/vault/api-docs/system/wrapping-lookup, .../wrapping-unwrap,
 * https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle).
 */
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { checked } from './answer.ts';
import { fixedCa } from './ca-file.ts';
import { VaultError } from './failure.ts';
import { type IssuedToken, issuedToken } from './login-answer.ts';
import { vaultPath } from './path.ts';
import { createVaultRequests, type Work } from './requests.ts';

export interface AppRoleLogin {
  /** @throws InjectorError that says whether the wrapping or the login failed, and why. */
  logIn(wrapping: Secret, roleId: string, work: Work): Promise<IssuedToken>;
  close(): void;
}

export interface AppRoleLoginOptions {
  readonly address: string;
  readonly namespace: string | undefined;
  /** PEM of the authorities that Vault's certificate is checked against; absent: the system's. */
  readonly ca: string | undefined;
  readonly localAddress: string | undefined;
  /** Mount of the auth method. */
  readonly mount: string;
}

const LookupAnswer = v.object({ data: v.object({ creation_path: v.string() }) });
const UnwrapAnswer = v.object({ data: v.object({ secret_id: v.pipe(v.string(), v.nonEmpty()) }) });
const UNWRAPPED_BEFORE =
  'Vault does not know the wrapping token: it has expired, or somebody else has unwrapped it and has the secret_id now. Find out who can read what is sent to this pod';

export function createAppRoleLogin(options: AppRoleLoginOptions): AppRoleLogin {
  const { address, namespace, ca, localAddress, mount } = options;
  const caFile = ca === undefined ? undefined : fixedCa(ca);
  const requests = createVaultRequests({
    address,
    namespace,
    caFile,
    localAddress,
    rateLimit: undefined,
    random: Math.random,
    onSent: () => {},
  });

  /**
   * Checks that Vault wrapped this for a secret_id: an attacker could have unwrapped the original and wrapped another
   * one.
   */
  async function lookUp(wrapping: Secret, work: Work): Promise<void> {
    const operation = 'look up a wrapping token';
    const path = vaultPath('sys/wrapping/lookup');
    const body = { token: wrapping.reveal() };
    const answer = await requests.send({ operation, method: 'POST', path, body, work }).catch(explained);
    const { creation_path } = checked(LookupAnswer, operation, answer).data;
    if (isSecretIdOf(mount, creation_path)) return;
    throw new InjectorError(
      'vault_rejected',
      `the wrapping token was not made for a secret_id (auth/${mount}/role/<role>/secret-id) but for another path: somebody has replaced the right one. Find out who can reach this pod's port`,
    );
  }

  async function unwrap(wrapping: Secret, work: Work): Promise<Secret> {
    const operation = 'unwrap a secret_id';
    const path = vaultPath('sys/wrapping/unwrap');
    // Sent once: a retry would find no such token, which looks as if somebody else had taken the secret_id.
    const sent = requests.send({ operation, method: 'POST', path, token: wrapping, once: true, work });
    return new Secret(checked(UnwrapAnswer, operation, await sent.catch(explained)).data.secret_id);
  }

  return {
    async logIn(wrapping, roleId, work) {
      await lookUp(wrapping, work);
      const secretId = await unwrap(wrapping, work);
      const operation = 'let the pod log in with its AppRole';
      const path = vaultPath('auth', mount, 'login');
      const body = { role_id: roleId, secret_id: secretId.reveal() };
      return issuedToken(operation, await requests.send({ operation, method: 'POST', path, body, work }));
    },
    close: requests.close,
  };
}

function isSecretIdOf(mount: string, creationPath: string): boolean {
  const before = `auth/${mount}/role/`;
  const after = '/secret-id';
  if (!creationPath.startsWith(before) || !creationPath.endsWith(after)) return false;
  return /^[^/]+$/.test(creationPath.slice(before.length, -after.length));
}

function explained(error: unknown): never {
  const refused = error instanceof VaultError && (error.status === 400 || error.status === 403);
  throw refused ? new InjectorError('vault_rejected', UNWRAPPED_BEFORE, { cause: error }) : error;
}
