import { grown, IN_NAMESPACE, type Panel, type Row, VAULT_FAILURES } from '../panel.ts';

const stat = (
  title: string,
  description: string,
  expr: string,
  more: Partial<Panel> & Pick<Panel, 'unit'>,
): Panel => ({ title, description, kind: 'stat', queries: [{ expr, legend: title }], width: 4, ...more });

/** Whether anyone is affected, or will be soon. */
export const health: Row = {
  title: 'Health at a glance',
  panels: [
    stat(
      'Last good sweep',
      'Time since the start of the last sweep that completed all of its work; of several shards, the oldest. Coloured for an interval of five minutes.',
      'time() - min(max_over_time(vault_injector_last_synchronization_success[1d]) and vault_injector_sweep_interval_seconds)',
      {
        unit: 's',
        thresholds: [
          { from: 0, color: 'green' },
          { from: 660, color: 'yellow' },
          { from: 900, color: 'red' },
        ],
      },
    ),
    stat(
      'Live grants',
      'Credentials of live pods, in the chosen namespaces.',
      `sum(vault_injector_grants{${IN_NAMESPACE}})`,
      { unit: 'short', thresholds: [{ from: 0, color: 'blue' }] },
    ),
    stat(
      'Grants at risk',
      'Grants of live pods that are overdue or already lost.',
      'sum(vault_injector_sweep_grants{state=~"overdue|lost"})',
      {
        unit: 'short',
        thresholds: [
          { from: 0, color: 'green' },
          { from: 1, color: 'red' },
        ],
      },
    ),
    stat(
      'First lease ends in',
      'If nothing were renewed from now on: when the first pod of the chosen namespaces would lose its database.',
      `min(vault_injector_lease_expiration{${IN_NAMESPACE}}) - time()`,
      {
        unit: 's',
        thresholds: [
          { from: -1e9, color: 'red' },
          { from: 0, color: 'blue' },
        ],
      },
    ),
    stat(
      'Brake',
      'Pulled: the last sweep refused to revoke as much as it found.',
      'max(vault_injector_sweep_braked)',
      {
        unit: 'short',
        words: { '0': 'free', '1': 'pulled' },
        thresholds: [
          { from: 0, color: 'green' },
          { from: 1, color: 'red' },
        ],
      },
    ),
    stat(
      'Vault errors',
      'Share of requests that Vault did not answer, or could not serve at the moment.',
      `(sum(${grown('vault_injector_vault_requests_total', VAULT_FAILURES)}) or vector(0)) / sum(${grown('vault_injector_vault_requests_total')})`,
      {
        unit: 'percentunit',
        thresholds: [
          { from: 0, color: 'green' },
          { from: 0.01, color: 'yellow' },
          { from: 0.5, color: 'red' },
        ],
      },
    ),
  ],
};
