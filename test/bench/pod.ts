/** A pod of the team whose application the examples are. */
export const benchPod = (
  metadata: { readonly name: string } | { readonly generateName: string },
  annotations: Readonly<Record<string, string>> = { 'db-creds-injector.numberly.io/app.role': 'gule-rw' },
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...metadata,
    namespace: 'team-infrastructure',
    labels: { 'vault-db-injector': 'true' },
    annotations,
  },
  spec: { serviceAccountName: 'vault-pgsql-example', containers: [{ name: 'app', image: 'app' }] },
});
