/**
 * Prometheus metrics under the reference injector's names (its document, "Prometheus Metrics").
 * `namespace` is a label wherever the reference has it; `uuid` is not: it would be one series a pod, for ever.
 */
import { Counter, Registry } from 'prom-client';

const COUNTERS = {
  connect_vault_count_success: { help: 'Logins to Vault that succeeded', labels: [] },
  connect_vault_count_error: { help: 'Logins to Vault that failed', labels: [] },
  orphan_ticket_created_count_success: { help: 'Orphan tokens created', labels: [] },
  orphan_ticket_created_count_error: { help: 'Orphan tokens that could not be created', labels: [] },
  store_data_count_success: { help: 'Records written to the ledger', labels: ['namespace'] },
  store_data_count_error: { help: 'Records that could not be written to the ledger', labels: ['namespace'] },
  delete_data_count_success: { help: 'Records deleted from the ledger', labels: ['namespace'] },
  delete_data_count_error: {
    help: 'Records that could not be deleted from the ledger',
    labels: ['namespace'],
  },
  revoke_token_count_success: { help: 'Tokens revoked', labels: ['namespace'] },
  revoke_token_count_error: { help: 'Tokens that could not be revoked', labels: ['namespace'] },
  service_account_authorized_count: {
    help: 'Service accounts that may assume the role they ask for',
    labels: [],
  },
  service_account_denied_count: {
    help: 'Service accounts that may not assume the role they ask for',
    labels: ['service_account_name', 'namespace', 'db_role', 'cause'],
  },
  mutated_pods_success_count: { help: 'Pods that were given credentials', labels: [] },
  mutated_pods_error_count: { help: 'Pods that were denied', labels: [] },
} as const;

export type CounterName = keyof typeof COUNTERS;
type Labels<N extends CounterName> = Readonly<Record<(typeof COUNTERS)[N]['labels'][number], string>>;

export interface Metrics {
  count<N extends CounterName>(name: N, labels: Labels<N>): void;
  /** The text format of Prometheus, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const counters = new Map(
    Object.entries(COUNTERS).map(([name, { help, labels }]) => [
      name,
      new Counter({ name: `vault_injector_${name}`, help, labelNames: [...labels], registers: [registry] }),
    ]),
  );
  return {
    count: (name, labels) => counters.get(name)?.inc({ ...labels }),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
