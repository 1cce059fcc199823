/** The installation's report for a person. */
import type { Result } from '../doctor/check.ts';
import { ACCESS_LOG_TOLD, SWITCH_ACCESS_LOG_OFF, writesPaths } from '../ingress-class.ts';
import { NAMESPACE } from '../objects.ts';
import type { Changes } from './apply.ts';
import type { Cluster } from './cluster.ts';
import type { Plan } from './plan.ts';
import { type Missing, releaseOf } from './requirements.ts';

export function listOfMissing(missing: readonly Missing[]): string {
  const items = missing.map(({ what, remedy }) => `  - ${what}\n    ${remedy}`);
  return ['Nothing was changed. Missing prerequisites:', ...items].join('\n');
}

export function listOfFaults(faults: readonly Result[]): string {
  const items = faults.map(({ check, detail, mend = '' }) => `  - ${check}: ${detail}\n    ${mend}`);
  return ['Everything is applied, but these checks of doctor fail:', ...items].join('\n');
}

export function whatIsThere(cluster: Cluster): string {
  const products = ['Knative Serving', 'Knative Eventing', 'cert-manager'].flatMap((product) => {
    const release = releaseOf(cluster, product);
    return release === undefined ? [] : [`${product} ${release}`];
  });
  return `All prerequisites are met: Kubernetes ${cluster.version}, ${products.join(', ')}.`;
}

export function whatChanged(all: readonly Changes[], removed: readonly string[]): string {
  const names = (pick: (changes: Changes) => readonly string[]) => [...new Set(all.flatMap(pick))];
  const created = names((changes) => changes.created);
  const changed = names((changes) => changes.changed).filter((name) => !created.includes(name));
  const lines = [
    ...(created.length > 0 ? [`Created: ${created.join(', ')}.`] : []),
    ...(changed.length > 0 ? [`Changed: ${changed.join(', ')}.`] : []),
    ...(removed.length > 0 ? [`Removed, no longer needed: ${removed.join(', ')}.`] : []),
  ];
  return lines.length > 0 ? lines.join('\n') : 'Everything is up to date: nothing was changed.';
}

/** @param settings of the cluster's Knative. */
export function whatNext({ newPathSecret, configuration, ingress }: Plan, { settings }: Cluster): string {
  return [
    ...(ingress.kind === 'kourier' && writesPaths(settings.get('knative-serving/config-kourier'))
      ? [
          `${ACCESS_LOG_TOLD}: anyone who can read that log can call the function. Switch it off, then rotate the secret (npx vault-db-injector rotate):\n  ${SWITCH_ACCESS_LOG_OFF}`,
        ]
      : []),
    ...('delivery' in configuration
      ? []
      : [
          'Passwords are stored in the pods themselves, since the configuration has no key "delivery" (default: env). With "delivery: secret" they are not: docs/configuration.md',
        ]),
    ...(newPathSecret
      ? [
          "The webhook's path now contains a secret (Secret webhook-path). To rotate it: npx vault-db-injector rotate",
        ]
      : []),
    `It works. Next: label a pod vault-db-injector: "true" (examples/), and watch the renewal job:`,
    `  kubectl --namespace ${NAMESPACE} get jobs`,
    `The ledger in Vault: ${String(configuration['vaultSecretName'])}/${String(configuration['vaultSecretPrefix'])}. If a role or policy is missing there, see docs/install.md.`,
  ].join('\n');
}
