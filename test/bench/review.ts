import { benchPod } from './pod.ts';

/** The review of a one-database pod, as the API server sends it. */
export function reviewOf(name: string): string {
  const pod = benchPod(
    { name },
    {
      'db-creds-injector.numberly.io/cluster': 'pgsql2-dv',
      'db-creds-injector.numberly.io/app.role': 'gule-rw',
    },
  );
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
        ...pod,
        spec: {
          ...pod.spec,
          containers: [{ name: 'app', image: 'app', env: [{ name: 'TZ', value: 'UTC' }] }],
        },
      },
      dryRun: false,
    },
  });
}
