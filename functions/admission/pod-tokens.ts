/** Source of a pod's Vault token: created for it by the injector, or by a login as its own service account. */
import type { ServiceAccountTokens } from '../../shared/kubernetes/service-account-tokens.ts';
import type { Secret } from '../../shared/secret.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import { AccessDenied } from '../../shared/vault/authorization.ts';
import type { Grants, PodToken } from '../../shared/vault/grants.ts';
import type { PodLogin } from '../../shared/vault/pod-login.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { AuthorizedRequest, PodIdentity } from './pod-identity.ts';

/** The purpose of the token. */
interface PodTokenRequest extends AuthorizedRequest {
  readonly uuid: string;
}

export interface PodTokens {
  /**
   * @param onLate gets a token that arrives too late to be used: it has to be revoked.
   * @throws AccessDenied, VaultError, KubernetesError
   */
  obtain(
    request: PodTokenRequest,
    pod: PodIdentity,
    work: Work,
    onLate: (token: Promise<Secret | undefined>) => void,
  ): Promise<PodToken>;
}

export interface OrphanTokenOptions {
  readonly grants: Pick<Grants, 'createToken'>;
  /** The cluster's name in the tokens' metadata. */
  readonly cluster: string;
  readonly periodSeconds: number;
}

export function createOrphanTokens({ grants, cluster, periodSeconds }: OrphanTokenOptions): PodTokens {
  return {
    obtain({ uuid, policy }, pod, work, onLate) {
      const metadata = {
        cluster,
        namespace: pod.namespace,
        service_account: pod.serviceAccount,
        uuid,
        ...(pod.name ? { pod: pod.name } : { generate_name: pod.generateName }),
      };
      // Links a database user to its pod in Vault's audit log.
      const displayName = `${pod.namespace}-${pod.serviceAccount}`;
      return grants.createToken({ policy, periodSeconds, displayName, metadata }, work, onLate);
    },
  };
}

export interface ServiceAccountTokenOptions {
  readonly login: PodLogin;
  readonly tokens: ServiceAccountTokens;
  readonly metrics: Metrics;
}

export function createServiceAccountLogins({
  login,
  tokens,
  metrics,
}: ServiceAccountTokenOptions): PodTokens {
  return {
    async obtain({ request: { authRole } }, { namespace, serviceAccount }, work, onLate) {
      const jwt = await tokens.request(namespace, serviceAccount, work.deadline);
      try {
        const token = await login.logIn(authRole, jwt, work, onLate);
        metrics.count('service_account_authorized_count', {});
        return token;
      } catch (error) {
        // The role may be arbitrary text from the pod: as a label value it would create endless series.
        const labels = {
          service_account_name: serviceAccount,
          namespace,
          db_role: 'unknown',
          cause: 'login',
        };
        if (error instanceof AccessDenied) metrics.count('service_account_denied_count', labels);
        throw error;
      }
    },
  };
}
