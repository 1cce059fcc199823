/** The checks of an installation that need nothing of Vault: what has just been applied, and whether it may work. */

import { connectTo } from '../cluster.ts';
import type { ClusterOptions } from '../command.ts';
import { type Result, runChecks } from './check.ts';
import { rightsInCluster } from './cluster-rights.ts';
import { createFacts } from './facts.ts';
import { knative } from './knative.ts';
import { podsStart } from './pods.ts';
import { verdictOn } from './verdict-on.ts';
import { podGuard, webhook, webhookAuthority } from './webhook.ts';

/** @returns what is wrong. What could not be seen is no fault. */
export async function faultsAfterInstallation({ context, kubeconfig }: ClusterOptions): Promise<Result[]> {
  const options = { context, kubeconfig };
  // An empty environment: the configuration is the cluster's.
  const facts = createFacts(connectTo(options), options, {});
  const checks = [
    webhook(facts),
    webhookAuthority(facts),
    podGuard(facts),
    podsStart(facts),
    ...knative(facts),
    ...rightsInCluster(facts),
  ];
  const results = await runChecks(
    checks,
    verdictOn,
    () => {},
    () => {},
  ).finally(facts.close);
  return results.filter(({ state }) => state === 'failed');
}
