/** What a pod's annotations request, and whether the operator allows it. */
import type { RunningPod } from '../../shared/kubernetes/init-containers.ts';
import { printable } from '../../shared/secret.ts';
import { globMatches } from '../../shared/vault/glob.ts';

export interface AppRoleRequest {
  readonly role: string;
  /** The name of the init container that takes the secret_id. */
  readonly initContainer: string;
}

export interface Rules {
  /** Absent: any namespace. */
  readonly namespaces: readonly string[] | undefined;
  /** Which pods may have which AppRole; absent: any pod may have any. */
  readonly roles: Readonly<Record<string, Owners>> | undefined;
}

interface Owners {
  readonly namespaces: readonly string[];
  readonly serviceAccounts: readonly string[];
}

const ROLE = 'pod.boostport.com/vault-approle';
const INIT_CONTAINER = 'pod.boostport.com/vault-init-container';
// Vault's pattern for AppRole names (its "generic name").
const ROLE_NAME = /^\w(?:[\w.-]{0,126}\w)?$/;

/** @returns `undefined` if the pod requests nothing. */
export function appRoleRequestOf({
  annotations,
}: Pick<RunningPod, 'annotations'>): AppRoleRequest | undefined {
  const [role, initContainer] = [annotations[ROLE]?.trim(), annotations[INIT_CONTAINER]?.trim()];
  return role && initContainer ? { role, initContainer } : undefined;
}

/** Why the pod may not have it; `undefined` if it may. */
export function refusalOf(
  { role, initContainer }: AppRoleRequest,
  pod: Pick<RunningPod, 'namespace' | 'serviceAccount' | 'initContainers'>,
  { namespaces, roles }: Rules,
): string | undefined {
  const matches = (patterns: readonly string[], name: string) =>
    patterns.some((pattern) => globMatches(pattern, name));
  if (!ROLE_NAME.test(role)) return `"${printable(role, 60)}" cannot be the name of an AppRole (${ROLE})`;
  if (!pod.initContainers.has(initContainer))
    return `the pod has no init container "${printable(initContainer, 60)}" (${INIT_CONTAINER})`;
  if (namespaces && !matches(namespaces, pod.namespace)) return 'its namespace is not in appRoleNamespaces';
  if (!roles) return undefined;
  const owners = Object.hasOwn(roles, role) ? roles[role] : undefined;
  if (!owners) return `AppRole "${role}" is not in appRoleMap`;
  if (!matches(owners.namespaces, pod.namespace))
    return `appRoleMap does not allow its namespace AppRole "${role}"`;
  if (!matches(owners.serviceAccounts, pod.serviceAccount))
    return `appRoleMap does not allow its service account AppRole "${role}"`;
  return undefined;
}
