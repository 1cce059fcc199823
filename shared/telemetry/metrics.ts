/**
 * Prometheus metrics. The reference injector's names, types and labels (its document, "Prometheus Metrics") for what it
 * has, in their own table; `uuid` is a label only where the configuration asks for it: one series a pod, for ever.
 */
import { Counter, Gauge, Pushgateway, Registry } from 'prom-client';

const GRANT = ['uuid', 'namespace'] as const;
const COUNTERS = {
  connect_vault_count_success: { help: 'Logins to Vault that succeeded', labels: [] },
  connect_vault_count_error: { help: 'Logins to Vault that failed', labels: [] },
  orphan_ticket_created_count_success: { help: 'Orphan tokens created', labels: [] },
  orphan_ticket_created_count_error: { help: 'Orphan tokens that could not be created', labels: [] },
  store_data_count_success: { help: 'Records written to the ledger', labels: GRANT },
  store_data_count_error: { help: 'Records that could not be written to the ledger', labels: GRANT },
  delete_data_count_success: { help: 'Records deleted from the ledger', labels: GRANT },
  delete_data_count_error: { help: 'Records that could not be deleted from the ledger', labels: GRANT },
  renew_token_count_success: { help: 'Tokens renewed', labels: GRANT },
  renew_token_count_error: { help: 'Tokens that could not be renewed', labels: GRANT },
  renew_lease_count_success: { help: 'Leases renewed', labels: GRANT },
  renew_lease_count_error: { help: 'Leases that could not be renewed', labels: GRANT },
  revoke_token_count_success: { help: 'Tokens revoked', labels: GRANT },
  revoke_token_count_error: { help: 'Tokens that could not be revoked', labels: GRANT },
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
  fetch_pods_success_count: { help: 'Times that the pods could be read', labels: [] },
  fetch_pods_error_count: { help: 'Times that the pods could not be read', labels: [] },
  synchronization_count_success: { help: 'Sweeps that did all they had to do', labels: [] },
  synchronization_count_error: { help: 'Sweeps that did not do all they had to do', labels: [] },
  pod_cleanup_count_success: { help: 'Times that all orphaned grants were revoked', labels: [] },
  pod_cleanup_count_error: { help: 'Times that orphaned grants were left', labels: [] },
  deletion_events_total: {
    help: 'Events that came to the revocation function, by what became of them',
    labels: ['outcome'],
  },
  dead_letters_total: {
    help: 'Delete events that could not be delivered, by what became of them',
    labels: ['outcome'],
  },
} as const;

const GAUGES = {
  token_expiration: {
    help: "When the tokens expire (Unix time); without uuid, the namespace's first",
    labels: GRANT,
  },
  lease_expiration: {
    help: "When the leases expire (Unix time); without uuid, the namespace's first",
    labels: GRANT,
  },
  token_last_renewed: {
    help: "When the tokens were last renewed (Unix time); without uuid, the namespace's oldest",
    labels: GRANT,
  },
  lease_max_ttl_timestamp_seconds: {
    help: "When leases end that Vault will not extend; without uuid, the namespace's first",
    labels: GRANT,
  },
  last_synchronization_success: {
    help: 'When the last sweep that did all it had to do began (Unix time)',
    labels: [],
  },
  last_synchronization_duration: { help: 'How long the last sweep took, in seconds', labels: [] },
  sweep_grants: { help: 'Grants and pods of the last sweep, by what was found or done', labels: ['state'] },
  sweep_braked: { help: '1 if the last sweep refused to revoke as much as it found', labels: [] },
} as const;

type CounterName = keyof typeof COUNTERS;
type GaugeName = keyof typeof GAUGES;
type Labels<T extends { readonly labels: readonly string[] }> = Readonly<Record<T['labels'][number], string>>;

export interface Metrics {
  count<N extends CounterName>(name: N, labels: Labels<(typeof COUNTERS)[N]>): void;
  set<N extends GaugeName>(name: N, labels: Labels<(typeof GAUGES)[N]>, value: number): void;
  /** As `set`, but of several values of one series the smallest stands. */
  setLeast<N extends GaugeName>(name: N, labels: Labels<(typeof GAUGES)[N]>, value: number): void;
  /** The text format of Prometheus, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** To a Pushgateway, in place of what this job pushed before. */
  push(url: string, job: string): Promise<void>;
}

export function createMetrics(options: { readonly uuidLabel: boolean }): Metrics {
  const registry = new Registry();
  const offered = (labels: readonly string[]) =>
    labels.filter((label) => label !== 'uuid' || options.uuidLabel);
  const definition = ([name, { help, labels }]: [
    string,
    { readonly help: string; readonly labels: readonly string[] },
  ]) => ({
    name: `vault_injector_${name}`,
    help,
    labelNames: offered(labels),
    registers: [registry],
  });
  const counters = new Map(
    Object.entries(COUNTERS).map((entry) => [entry[0], new Counter(definition(entry))]),
  );
  const gauges = new Map<string, Gauge>();
  /** Made when it is first set: one that a process never sets would say 0 for it, and mean nothing. */
  const gauge = (name: GaugeName): Gauge => {
    const known = gauges.get(name) ?? new Gauge(definition([name, GAUGES[name]]));
    gauges.set(name, known);
    return known;
  };
  const least = new Map<string, number>();
  const shown = (labels: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(labels).filter(([label]) => label !== 'uuid' || options.uuidLabel));

  return {
    count: (name, labels) => counters.get(name)?.inc(shown(labels)),
    set: (name, labels, value) => gauge(name).set(shown(labels), value),
    setLeast(name, labels, value) {
      const series = JSON.stringify([name, shown(labels)]);
      const smallest = Math.min(value, least.get(series) ?? value);
      least.set(series, smallest);
      gauge(name).set(shown(labels), smallest);
    },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    push: async (url, job) => {
      await new Pushgateway(url, { timeout: 5_000 }, registry).push({ jobName: job });
    },
  };
}
