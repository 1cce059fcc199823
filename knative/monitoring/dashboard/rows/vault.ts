import { grown, quantile, type Row } from '../panel.ts';

const REQUESTS = 'vault_injector_vault_requests_total';

/** Requests to Vault, and its answers. */
export const vault: Row = {
  title: 'Vault',
  panels: [
    {
      title: 'Requests by operation',
      description: 'Of all processes.',
      kind: 'bars',
      unit: 'short',
      width: 8,
      queries: [{ expr: `sum by (operation) (${grown(REQUESTS)})`, legend: '{{operation}}' }],
    },
    {
      title: 'Requests by status',
      description:
        '2xx, another HTTP status, or the reason for having none. A 404 is a regular answer: there is no such record.',
      kind: 'bars',
      unit: 'short',
      width: 8,
      queries: [{ expr: `sum by (status) (${grown(REQUESTS)})`, legend: '{{status}}' }],
      colors: {
        '2xx': 'green',
        '404': 'text',
        '403': 'orange',
        '503': 'red',
        timeout: 'red',
        unreachable: 'red',
        tls: 'red',
      },
    },
    {
      title: 'Latency by operation, p99',
      description: 'As the processes see it.',
      kind: 'lines',
      unit: 's',
      width: 8,
      queries: [
        {
          expr: quantile(0.99, 'vault_injector_vault_request_duration_seconds', 'operation'),
          legend: '{{operation}}',
        },
      ],
    },
  ],
};
