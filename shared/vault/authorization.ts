/**
 * May this pod assume this role? Decided from the role of the Kubernetes auth method as Vault itself would at a login
 * (https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#create-update-role), since the pod does not log in.
 */
import { LRUCache } from 'lru-cache';
import * as v from 'valibot';
import type { Clock } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import { checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { globMatches } from './glob.ts';
import { vaultPath } from './path.ts';
import type { Work } from './requests.ts';
import type { Session } from './session.ts';

export interface AccessRequest {
  /** Role of the Kubernetes auth method. */
  readonly authRole: string;
  /** Role of the database engine. */
  readonly role: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export type DenialCause =
  | 'role'
  | 'reserved_role'
  | 'namespace'
  | 'namespace_selector'
  | 'service_account'
  | 'policy'
  | 'login';

/** The pod may not assume the role; `denial` says which condition does not hold. */
export class AccessDenied extends InjectorError {
  readonly denial: DenialCause;

  constructor(denial: DenialCause, message: string) {
    super('service_account_denied', message);
    this.name = 'AccessDenied';
    this.denial = denial;
  }
}

export interface Authorization {
  /**
   * @returns the policy for the pod's token: one that the role names.
   * @throws AccessDenied, VaultError
   */
  authorize(access: AccessRequest, work: Work): Promise<string>;
}

// An unset field is empty, null or missing, depending on Vault's version.
const list = v.optional(v.nullable(v.array(v.string())));
const RoleRules = v.object({
  bound_service_account_names: list,
  bound_service_account_namespaces: list,
  bound_service_account_namespace_selector: v.optional(v.nullable(v.string())),
  token_policies: list,
  policies: list,
});
type RoleRules = v.InferOutput<typeof RoleRules>;

// Long enough for a rollout's pods to share one read, short enough that a changed role takes effect quickly.
const CACHED_FOR_MS = 10_000;
const CACHED_AT_MOST = 1_000;

export interface AuthorizationOptions {
  readonly session: Pick<Session, 'send'>;
  readonly authPath: string;
  /** The injector's own role: no pod may assume it. */
  readonly kubeRole: string;
  readonly clock: Clock;
}

export function createAuthorization({
  session,
  authPath,
  kubeRole,
  clock,
}: AuthorizationOptions): Authorization {
  const cache = new LRUCache<string, RoleRules>({
    max: CACHED_AT_MOST,
    // Older than this: an entry is kept for one millisecond less than CACHED_FOR_MS, and read again after that.
    ttl: CACHED_FOR_MS - 1,
    // Reads the clock each time. An entry of time 0 would never be stale.
    ttlResolution: 0,
    perf: { now: () => clock() + 1 },
  });

  async function readRole(name: string, work: Work): Promise<RoleRules> {
    const cached = cache.get(name);
    if (cached) return cached;
    const operation = 'read the auth role';
    const path = vaultPath('auth', authPath, 'role', { name });
    const answer = await session.send({ operation, method: 'GET', path, work }).catch((error: unknown) => {
      if (error instanceof VaultError && error.isAbsence) {
        throw new AccessDenied('role', `Vault has no auth role "${name}" at "auth/${authPath}"`);
      }
      throw error;
    });
    const { data: role } = checked(v.object({ data: RoleRules }), operation, answer);
    cache.set(name, role);
    return role;
  }

  async function authorize(access: AccessRequest, work: Work): Promise<string> {
    // Vault ignores the case of role names.
    if (access.authRole.toLowerCase() === kubeRole.toLowerCase()) {
      throw new AccessDenied('reserved_role', `auth role "${access.authRole}" is the injector's own`);
    }
    return decide(await readRole(access.authRole, work), access);
  }

  return { authorize };
}

/**
 * The policy for the pod's token, if the role allows the pod.
 *
 * @throws AccessDenied
 */
export function decide(role: RoleRules, access: AccessRequest): string {
  const { authRole, namespace, serviceAccount } = access;
  if (!(role.bound_service_account_namespaces ?? []).some((pattern) => globMatches(pattern, namespace))) {
    if (role.bound_service_account_namespace_selector) {
      throw new AccessDenied(
        'namespace_selector',
        `auth role "${authRole}" allows namespaces by their labels (bound_service_account_namespace_selector), which the injector cannot read; name them in bound_service_account_namespaces`,
      );
    }
    throw new AccessDenied('namespace', `auth role "${authRole}" does not allow namespace "${namespace}"`);
  }
  if (!(role.bound_service_account_names ?? []).some((pattern) => globMatches(pattern, serviceAccount))) {
    throw new AccessDenied(
      'service_account',
      `auth role "${authRole}" does not allow service account "${serviceAccount}" of namespace "${namespace}"`,
    );
  }
  return policyOf(role, access);
}

function policyOf(role: RoleRules, access: AccessRequest): string {
  // A role keeps policy names as they were written; logins and policies have them in lower case.
  const written = role.token_policies?.length ? role.token_policies : (role.policies ?? []);
  const named = written.map((policy) => policy.toLowerCase());
  const candidates = [access.authRole.toLowerCase(), access.role.toLowerCase()];
  const policy = candidates.find((candidate) => candidate !== 'root' && named.includes(candidate));
  if (policy) return policy;
  const expected = [...new Set(candidates)].map((name) => `"${name}"`).join(' or ');
  throw new AccessDenied(
    'policy',
    `auth role "${access.authRole}" has no policy ${expected} among its token_policies`,
  );
}
