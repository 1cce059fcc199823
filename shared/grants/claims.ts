/** Which live pods name which grants. */
import type { LivePod } from '../kubernetes/pods.ts';

/** Live pods by the uuid that they name. */
export type Claims = ReadonlyMap<string, readonly LivePod[]>;

/** @param isCounted selects uuids; a pod's annotation may contain any text. */
export function claimsOf(pods: Iterable<LivePod>, isCounted: (uuid: string) => boolean = () => true): Claims {
  const claims = new Map<string, LivePod[]>();
  for (const pod of pods) {
    for (const uuid of pod.uuids.filter(isCounted)) {
      const known = claims.get(uuid) ?? [];
      claims.set(uuid, known);
      // A pod may be listed twice: by its label, and with its namespace.
      if (!known.some(({ uid }) => uid === pod.uid)) known.push(pod);
    }
  }
  return claims;
}

/** The live pod that holds the grant: one in the grant's own namespace, since anyone may name any uuid. */
export function holderOf(claims: Claims, uuid: string, namespace: string): LivePod | undefined {
  return claims.get(uuid)?.find((pod) => pod.namespace === namespace);
}
