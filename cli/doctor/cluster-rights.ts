/** Whether the service accounts have the rights in the cluster that they need. */
import { mayDo, type Right, userNameOf, whoAmI } from '../../shared/kubernetes/objects.ts';
import { accountOf } from '../processes.ts';
import { type Check, failed, ok } from './check.ts';
import { CLUSTER_NEEDS, EVICTION, PROJECTED } from './cluster-needs.ts';
import type { Facts } from './facts.ts';
import { isPart, NO_PART } from './parts-of.ts';

export function rightsInCluster(facts: Facts): Check[] {
  return Object.keys(CLUSTER_NEEDS).map((name) => ({
    name: `rights of ${name} in the cluster`,
    needs: ['API server'],
    async look() {
      if (!(await isPart(name, facts))) return ok(NO_PART);
      const { api, deadline } = facts;
      const account = accountOf(name);
      const needed = await neededBy(name, facts);
      // Anyone may ask for their own rights; asking for those of others requires `create` on SubjectAccessReviews.
      const isOwn = (await whoAmI(api, deadline())) === userNameOf(account);
      const answers = await Promise.all(
        needed.map((right) => mayDo(api, right, deadline(), isOwn ? undefined : account)),
      );
      const missing = needed.filter((_, index) => !answers[index]);
      if (missing.length > 0)
        return failed(`missing: ${missing.map(said).join(', ')}`, 'npx vault-db-injector install');
      return ok(needed.map(said).join(', '));
    },
  }));
}

async function neededBy(name: string, facts: Facts): Promise<Right[]> {
  const needed = [...(CLUSTER_NEEDS[name] ?? [])];
  const { onLost, onMaxTtl, projectedServiceAccount } = await facts.config();
  if (name === 'renewal' && (onLost === 'evict' || onMaxTtl === 'evict')) return [...needed, EVICTION];
  if (name === 'admission' && projectedServiceAccount) return [...needed, PROJECTED];
  return needed;
}

function said(right: Right): string {
  if ('path' in right) return `${right.verb} ${right.path}`;
  const { verb, resource, subresource } = right;
  return `${verb} ${resource}${subresource ? `/${subresource}` : ''}`;
}
