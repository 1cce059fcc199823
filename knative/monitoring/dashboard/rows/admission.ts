import { grown, IN_NAMESPACE, mean, medianAndP99, type Row } from '../panel.ts';

const ADMISSIONS = 'vault_injector_admission_duration_seconds';

/** Pods that are being created. */
export const admission: Row = {
  title: 'Admission',
  panels: [
    {
      title: 'Admissions by result',
      description: 'denied: the pod owner has to fix it. failed: our fault or Vault’s.',
      kind: 'bars',
      unit: 'short',
      width: 12,
      queries: [{ expr: `sum by (result) (${grown(`${ADMISSIONS}_count`)})`, legend: '{{result}}' }],
      colors: { issued: 'green', dry_run: 'purple', denied: 'orange', failed: 'red' },
    },
    {
      title: 'Time to admit a pod',
      description: 'All admissions, whatever their result. The API server waits 15 s.',
      kind: 'lines',
      unit: 's',
      width: 12,
      queries: medianAndP99(ADMISSIONS),
      colors: { p50: 'blue', p99: 'orange' },
    },
    {
      title: 'Where the time goes',
      description: 'Mean of each phase.',
      kind: 'lines',
      unit: 's',
      width: 12,
      queries: [
        { expr: mean('vault_injector_admission_phase_duration_seconds', 'phase'), legend: '{{phase}}' },
      ],
    },
    {
      title: 'Service accounts denied, by cause',
      description: 'Pods whose service account may not assume the role that they ask for.',
      kind: 'bars',
      unit: 'short',
      width: 12,
      queries: [
        {
          expr: `sum by (namespace, service_account_name, cause) (${grown('vault_injector_service_account_denied_count', IN_NAMESPACE)})`,
          legend: '{{namespace}}/{{service_account_name}}: {{cause}}',
        },
      ],
    },
  ],
};
