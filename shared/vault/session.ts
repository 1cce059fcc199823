/**
 * The injector's own login to Vault (https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login), kept for
 * the life of the process: renewed at half of its TTL, replaced when it is gone, revoked at the end.
 */
import { type Clock, type Deadline, within } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { createSingleFlight } from '../single-flight.ts';
import { timedOut, VaultError } from './failure.ts';
import { issuedToken } from './login-answer.ts';
import { vaultPath } from './path.ts';
import { beginWork, type VaultRequest, type VaultRequests, type Work } from './requests.ts';

export interface Session {
  /** Sends a request with the login's token. If Vault refuses it (403), it is repeated once with a new login. */
  send(request: Omit<VaultRequest, 'token'>): Promise<unknown>;
  /** Resolves once a valid login is held. */
  ready(deadline: Deadline): Promise<void>;
  /** Revokes the login. */
  close(deadline: Deadline): Promise<void>;
}

export interface SessionOptions {
  readonly requests: VaultRequests;
  readonly authPath: string;
  readonly kubeRole: string;
  /** The process' own service account token, read again for each login: the kubelet replaces it. */
  readonly readServiceAccountToken: () => Promise<Secret>;
  readonly clock: Clock;
  readonly newDeadline: (durationMs: number) => Deadline;
  readonly onLogin: (outcome: 'success' | 'error') => void;
}

interface Login {
  readonly token: Secret;
  readonly renewable: boolean;
  readonly ttlMs: number;
  readonly since: number;
}

const LOGGING_IN = 'let the injector log in';
const LOGIN_WITHIN_MS = 10_000;
const RENEW_AFTER = 0.5;
const REPLACE_AFTER = 0.9;
// A login this young has not been revoked: a 403 means the policy.
const YOUNG_MS = 2_000;

export function createSession(options: SessionOptions): Session {
  const { requests, clock } = options;
  const loginPath = vaultPath('auth', options.authPath, 'login');
  let login: Login | undefined;
  const logins = createSingleFlight<Login>();
  const renewals = createSingleFlight<void>();
  let loginWork: Work | undefined;

  const ageOf = ({ since, ttlMs }: Login) => (clock() - since) / ttlMs;

  function parseLogin(answer: unknown, since: number): Login {
    const { token, leaseSeconds, renewable } = issuedToken(LOGGING_IN, answer);
    return {
      token,
      renewable,
      ttlMs: leaseSeconds > 0 ? leaseSeconds * 1_000 : Number.POSITIVE_INFINITY,
      since,
    };
  }

  async function logIn(work: Work): Promise<Login> {
    const since = clock();
    try {
      const jwt = await options.readServiceAccountToken();
      const body = { role: options.kubeRole, jwt: jwt.reveal() };
      login = parseLogin(
        await requests.send({
          operation: LOGGING_IN,
          label: 'log in',
          method: 'POST',
          path: loginPath,
          body,
          work,
        }),
        since,
      );
      options.onLogin('success');
      return login;
    } catch (error) {
      options.onLogin('error');
      throw explainLogin(error, options.kubeRole);
    }
  }

  /** Concurrent admissions share one login; each waits for it as long as it has time. */
  async function sharedLogIn(deadline: Deadline): Promise<Login> {
    const login = logins.run(async () => {
      using loginDeadline = options.newDeadline(LOGIN_WITHIN_MS);
      loginWork = beginWork(loginDeadline);
      return await logIn(loginWork);
    });
    const work = loginWork;
    return within(deadline, login, (cause) => timedOut(LOGGING_IN, cause)).catch((error: unknown) => {
      // A caller that gives up gets the reason why the login does not succeed, if it is known.
      throw error instanceof VaultError && error.code === 'vault_timeout'
        ? (work?.lastFailure ?? error)
        : error;
    });
  }

  async function renew(current: Login): Promise<void> {
    const since = clock();
    using deadline = options.newDeadline(LOGIN_WITHIN_MS);
    const work = beginWork(deadline);
    const path = vaultPath('auth/token/renew-self');
    try {
      const answer = await requests.send({
        operation: 'renew its login',
        method: 'POST',
        path,
        token: current.token,
        work,
      });
      if (login === current) login = parseLogin(answer, since);
      options.onLogin('success');
    } catch {
      // A failed renewal does no harm: the login is replaced when 90 % of its time is over, or at the first 403.
      options.onLogin('error');
    }
  }

  async function current(deadline: Deadline): Promise<Login> {
    const kept = login;
    if (!kept || ageOf(kept) >= REPLACE_AFTER) return sharedLogIn(deadline);
    if (kept.renewable && ageOf(kept) >= RENEW_AFTER) void renewals.run(() => renew(kept));
    return kept;
  }

  async function send(request: Omit<VaultRequest, 'token'>): Promise<unknown> {
    const used = await current(request.work.deadline);
    try {
      return await requests.send({ ...request, token: used.token });
    } catch (error) {
      const refused = error instanceof VaultError && error.status === 403;
      if (!refused || clock() - used.since < YOUNG_MS) throw error;
      if (login === used) login = undefined;
      const { token } = await current(request.work.deadline);
      return requests.send({ ...request, token });
    }
  }

  async function close(deadline: Deadline): Promise<void> {
    await logins.current()?.catch(() => undefined);
    const kept = login;
    login = undefined;
    if (!kept) return;
    const path = vaultPath('auth/token/revoke-self');
    const work = beginWork(deadline);
    await requests.send({ operation: 'revoke its login', method: 'POST', path, token: kept.token, work });
  }

  return { send, close, ready: async (deadline) => void (await current(deadline)) };
}

function explainLogin(error: unknown, kubeRole: string): unknown {
  if (!(error instanceof VaultError) || ![400, 403, 404].includes(error.status)) return error;
  const message = `Vault does not let the injector log in with its auth role "${kubeRole}" (HTTP ${error.status}${error.detail && `: ${error.detail}`})`;
  return new InjectorError('vault_denied', message, { cause: error });
}
