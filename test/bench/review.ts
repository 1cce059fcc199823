/** The review of a one-database pod, as the API server sends it. */
export function reviewOf(name: string): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: `bench-${name}`,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'team-infrastructure',
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace: 'team-infrastructure',
          labels: { 'vault-db-injector': 'true' },
          annotations: {
            'db-creds-injector.numberly.io/cluster': 'pgsql2-dv',
            'db-creds-injector.numberly.io/app.role': 'gule-rw',
          },
        },
        spec: {
          serviceAccountName: 'vault-pgsql-example',
          containers: [{ name: 'app', image: 'app', env: [{ name: 'TZ', value: 'UTC' }] }],
        },
      },
      dryRun: false,
    },
  });
}
