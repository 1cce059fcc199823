import { parse, stringify } from 'yaml';

/** @param rules a rules file of Prometheus. @returns the manifest of a PrometheusRule with the same groups. */
export function prometheusRule(rules: string): string {
  const manifest = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'vault-db-injector', namespace: 'vault-injector' },
    spec: parse(rules),
  };
  return `# Written by \`npm run rules\` from rules.yaml, where it is explained.\n${stringify(manifest, { lineWidth: 0 })}`;
}
