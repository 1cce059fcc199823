import { grown, IN_NAMESPACE, medianAndP99, type Row } from '../panel.ts';

/** Credentials of deleted pods. */
export const revocation: Row = {
  title: 'Revocation',
  panels: [
    {
      title: 'Delete events by outcome',
      description:
        'What the revocation function did with them. alive: the pod had only lost its label. refused: somebody else’s grant.',
      kind: 'bars',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: `sum by (outcome) (${grown('vault_injector_deletion_events_total')})`,
          legend: '{{outcome}}',
        },
      ],
      colors: { revoked: 'green', pending: 'orange', alive: 'blue', ignored: 'text', refused: 'red' },
    },
    {
      title: 'Time to revoke',
      description: 'From the arrival of the event.',
      kind: 'lines',
      unit: 's',
      width: 8,
      queries: medianAndP99('vault_injector_revocation_duration_seconds'),
      colors: { p50: 'blue', p99: 'orange' },
    },
    {
      title: 'Tokens revoked, by namespace',
      description: 'Revoked by the function, the sweeps, and undone admissions.',
      kind: 'bars',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: `sum by (namespace) (${grown('vault_injector_revoke_token_count_success', IN_NAMESPACE)})`,
          legend: '{{namespace}}',
        },
      ],
    },
    {
      title: 'Revocations that failed, by namespace',
      description: 'The next sweep tries them again.',
      kind: 'bars',
      unit: 'short',
      width: 12,
      queries: [
        {
          expr: `sum by (namespace) (${grown('vault_injector_revoke_token_count_error', IN_NAMESPACE)})`,
          legend: '{{namespace}}',
        },
      ],
    },
    {
      title: 'Dead letters',
      description: 'Delete events that could not be delivered for hours.',
      kind: 'bars',
      unit: 'short',
      width: 12,
      queries: [
        { expr: `sum by (outcome) (${grown('vault_injector_dead_letters_total')})`, legend: '{{outcome}}' },
      ],
      colors: { kept: 'orange', refused: 'red', known: 'blue', ignored: 'text' },
    },
  ],
};
