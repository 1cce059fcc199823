/** Which live pods name which uuid. */
import type { Deadline } from '../../shared/deadline.ts';
import { claimsOf } from '../../shared/grants/claims.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';

export interface Claims {
  /** The pods that name a uuid. */
  of(uuid: string): readonly LivePod[];
  all(): ReadonlyMap<string, readonly LivePod[]>;
  /** Adds pods of these namespaces that have lost the label: they are still alive, and so are their grants. */
  addUnlabelled(namespaces: Iterable<string>): Promise<void>;
}

interface ClaimOptions {
  readonly pods: Pick<Pods, 'listLive' | 'listNamespace'>;
  readonly label: string;
  /** Limits the result to one namespace; absent: all. */
  readonly namespace: string | undefined;
  readonly newDeadline: () => Deadline;
}

export async function readClaims({ pods, label, namespace, newDeadline }: ClaimOptions): Promise<Claims> {
  const listed =
    namespace === undefined
      ? await pods.listLive(label, newDeadline())
      : await pods.listNamespace(namespace, newDeadline());
  let claims = claimsOf(listed);
  return {
    of: (uuid) => claims.get(uuid) ?? [],
    all: () => claims,
    async addUnlabelled(namespaces) {
      // All of the namespace's pods were already listed.
      if (namespace !== undefined) return;
      for (const one of new Set(namespaces)) listed.push(...(await pods.listNamespace(one, newDeadline())));
      claims = claimsOf(listed);
    },
  };
}
