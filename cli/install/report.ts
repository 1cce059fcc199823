/** What a person is told of an installation. */
import { ACCESS_LOG_TOLD, SWITCH_ACCESS_LOG_OFF, writesPaths } from '../ingress-class.ts';
import { NAMESPACE } from '../objects.ts';
import type { Changes } from './apply.ts';
import type { Cluster } from './cluster.ts';
import type { Plan } from './plan.ts';
import { type Missing, releaseOf } from './requirements.ts';

export function listOfMissing(missing: readonly Missing[]): string {
  const items = missing.map(({ what, remedy }) => `  - ${what}\n    ${remedy}`);
  return ['Nothing was changed. What is missing:', ...items].join('\n');
}

export function whatIsThere(cluster: Cluster): string {
  const products = ['Knative Serving', 'Knative Eventing', 'cert-manager'].flatMap((product) => {
    const release = releaseOf(cluster, product);
    return release === undefined ? [] : [`${product} ${release}`];
  });
  return `The cluster has all that it needs: Kubernetes ${cluster.version}, ${products.join(', ')}.`;
}

export function whatChanged(all: readonly Changes[], removed: readonly string[]): string {
  const names = (pick: (changes: Changes) => readonly string[]) => [...new Set(all.flatMap(pick))];
  const created = names((changes) => changes.created);
  const changed = names((changes) => changes.changed).filter((name) => !created.includes(name));
  const lines = [
    ...(created.length > 0 ? [`Created: ${created.join(', ')}.`] : []),
    ...(changed.length > 0 ? [`Changed: ${changed.join(', ')}.`] : []),
    ...(removed.length > 0 ? [`Removed, since nothing asks for it any more: ${removed.join(', ')}.`] : []),
  ];
  return lines.length > 0 ? lines.join('\n') : 'Everything was there already: nothing was changed.';
}

/** @param settings of the cluster's Knative. */
export function whatNext({ newPathSecret, configuration, ingress }: Plan, { settings }: Cluster): string {
  return [
    ...(ingress.kind === 'kourier' && writesPaths(settings.get('knative-serving/config-kourier'))
      ? [
          `${ACCESS_LOG_TOLD}: whoever may read that log may ask the function. Switch it off, then rotate the secret (npm run rotate:webhook-path):\n  ${SWITCH_ACCESS_LOG_OFF}`,
        ]
      : []),
    ...('delivery' in configuration
      ? []
      : [
          'Passwords stand in the pods themselves, since the configuration has no key "delivery" (env). With "delivery: secret" they do not: docs/configuration.md',
        ]),
    ...(newPathSecret
      ? [
          "The webhook's path has a secret of its own now (Secret webhook-path). Rotate it: npm run rotate:webhook-path",
        ]
      : []),
    `It works. Next: label a pod vault-db-injector: "true" (examples/), and watch the job that renews:`,
    `  kubectl --namespace ${NAMESPACE} get jobs`,
    `Its ledger in Vault: ${String(configuration['vaultSecretName'])}/${String(configuration['vaultSecretPrefix'])}. If a role or policy is missing there, see docs/install.md.`,
  ].join('\n');
}
