import { grown, IN_NAMESPACE, mean, type Row } from '../panel.ts';

/** Live credentials that are being renewed. */
export const renewal: Row = {
  title: 'Renewal',
  panels: [
    {
      title: 'Live grants by namespace',
      description: 'Credentials of live pods.',
      kind: 'lines',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `sum by (namespace) (vault_injector_grants{${IN_NAMESPACE}})`, legend: '{{namespace}}' },
      ],
    },
    {
      title: 'What sweeps found and did',
      description:
        'The most recent sweep at each moment. All but due, renewed, orphaned and revoked should be 0.',
      kind: 'lines',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: 'sum by (state) (vault_injector_sweep_grants{state=~"due|renewed|overdue|orphaned|revoked|pending|failed|unknown|lost|ending"})',
          legend: '{{state}}',
        },
      ],
      colors: {
        renewed: 'green',
        due: 'blue',
        overdue: 'red',
        lost: 'red',
        failed: 'red',
        orphaned: 'orange',
        revoked: 'purple',
      },
    },
    {
      title: 'Duration of sweeps',
      description: 'Mean, by outcome. A sweep stops itself after 80 % of the interval.',
      kind: 'lines',
      unit: 's',
      width: 8,
      queries: [{ expr: mean('vault_injector_sweep_duration_seconds', 'result'), legend: '{{result}}' }],
      colors: { success: 'green', failure: 'red', braked: 'orange' },
    },
    {
      title: 'First lease ends, by namespace',
      description: 'Time left if nothing were renewed from now on.',
      kind: 'table',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `sort(min by (namespace) (vault_injector_lease_expiration{${IN_NAMESPACE}}) - time())`,
          legend: '{{namespace}}',
        },
      ],
    },
    {
      title: 'Leases that cannot be extended',
      description:
        'How long until the first of a namespace reaches the max_ttl of its role: its pod has to be replaced before.',
      kind: 'table',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: `sort(min by (namespace) (vault_injector_lease_max_ttl_timestamp_seconds{${IN_NAMESPACE}}) - time())`,
          legend: '{{namespace}}',
        },
      ],
    },
    {
      title: 'Leases renewed',
      description: 'And those that failed.',
      kind: 'bars',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: `sum(${grown('vault_injector_renew_lease_count_success', IN_NAMESPACE)})`,
          legend: 'renewed',
        },
        { expr: `sum(${grown('vault_injector_renew_lease_count_error', IN_NAMESPACE)})`, legend: 'failed' },
      ],
      colors: { renewed: 'green', failed: 'red' },
    },
  ],
};
