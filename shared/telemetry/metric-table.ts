/**
 * All metrics: name (after `vault_injector_`, or a full one), meaning, labels, and which process exposes it. The
 * first block of each kind is the reference injector's ("Prometheus Metrics" in its document), with its names and
 * types; the rest is ours, named as Prometheus advises (https://prometheus.io/docs/practices/naming/).
 */

export type ProcessName = 'admission' | 'revocation' | 'dead-letters' | 'approle' | 'renewal' | 'replay';

export interface Definition {
  /** Full name, for a metric that another system has established. */
  readonly fullName?: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly by: readonly ProcessName[];
  /** Upper bounds, in seconds. */
  readonly buckets?: readonly number[];
}

const GRANT = ['uuid', 'namespace'] as const;
const OF_GRANTS = ['admission', 'revocation', 'renewal'] as const;
const ASKING_VAULT = [...OF_GRANTS, 'approle'] as const;
const FUNCTIONS = ['admission', 'revocation', 'dead-letters', 'approle'] as const;
const APPROLE = ['approle'] as const;
const ALL = [...FUNCTIONS, 'renewal', 'replay'] as const;
const ANSWERS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Prometheus' type. */
export const nameOf = (key: string, { fullName = `vault_injector_${key}` }: Definition): string => fullName;

export const COUNTERS = {
  renew_token_count_success: { help: 'Tokens renewed', labels: GRANT, by: ['renewal'] },
  renew_token_count_error: { help: 'Tokens that could not be renewed', labels: GRANT, by: ['renewal'] },
  renew_lease_count_success: { help: 'Leases renewed', labels: GRANT, by: ['renewal'] },
  renew_lease_count_error: { help: 'Leases that could not be renewed', labels: GRANT, by: ['renewal'] },
  revoke_token_count_success: { help: 'Tokens revoked', labels: GRANT, by: OF_GRANTS },
  revoke_token_count_error: { help: 'Tokens that could not be revoked', labels: GRANT, by: OF_GRANTS },
  synchronization_count_success: {
    help: 'Sweeps that completed all of their work',
    labels: [],
    by: ['renewal'],
  },
  synchronization_count_error: {
    help: 'Sweeps that left work undone',
    labels: [],
    by: ['renewal'],
  },
  pod_cleanup_count_success: {
    help: 'Times that all orphaned grants were revoked',
    labels: [],
    by: ['renewal'],
  },
  pod_cleanup_count_error: { help: 'Times that orphaned grants were left', labels: [], by: ['renewal'] },
  orphan_ticket_created_count_success: { help: 'Orphan tokens created', labels: [], by: ['admission'] },
  orphan_ticket_created_count_error: {
    help: 'Orphan tokens that could not be created',
    labels: [],
    by: ['admission'],
  },
  store_data_count_success: { help: 'Records written to the ledger', labels: GRANT, by: ['admission'] },
  store_data_count_error: {
    help: 'Records that could not be written to the ledger',
    labels: GRANT,
    by: ['admission'],
  },
  delete_data_count_success: { help: 'Records deleted from the ledger', labels: GRANT, by: OF_GRANTS },
  delete_data_count_error: {
    help: 'Records that could not be deleted from the ledger',
    labels: GRANT,
    by: OF_GRANTS,
  },
  connect_vault_count_success: { help: 'Logins to Vault that succeeded', labels: [], by: ASKING_VAULT },
  connect_vault_count_error: { help: 'Logins to Vault that failed', labels: [], by: ASKING_VAULT },
  service_account_authorized_count: {
    help: 'Service accounts that may assume the role they ask for',
    labels: [],
    by: ['admission'],
  },
  service_account_denied_count: {
    help: 'Service accounts that may not assume the role they ask for',
    labels: ['service_account_name', 'namespace', 'db_role', 'cause'],
    by: ['admission'],
  },
  leader_election_attempts_total: {
    help: 'Runs of the renewal job: there is no leader election, each run is the only one',
    labels: ['lease_name'],
    by: ['renewal'],
  },
  fetch_pods_success_count: { help: 'Times that the pods could be read', labels: [], by: ['renewal'] },
  fetch_pods_error_count: { help: 'Times that the pods could not be read', labels: [], by: ['renewal'] },
  mutated_pods_success_count: { help: 'Pods that were given credentials', labels: [], by: ['admission'] },
  mutated_pods_error_count: { help: 'Pods that were denied', labels: [], by: ['admission'] },

  deletion_events_total: {
    help: 'Events that came to the revocation function, by outcome',
    labels: ['outcome'],
    by: ['revocation'],
  },
  dead_letters_total: {
    help: 'Events that could not be delivered, by outcome',
    labels: ['outcome'],
    by: ['dead-letters'],
  },
  approle_events_total: {
    help: 'Events that came to the approle function, by outcome',
    labels: ['outcome'],
    by: APPROLE,
  },
  // kubernetes-vault's names ("Collected metrics" in its documentation).
  vault_secret_id_requests_total: {
    fullName: 'kubernetesvault_vault_secret_id_requests_total',
    help: "Requests to Vault for an AppRole's secret_id",
    labels: APPROLE,
    by: APPROLE,
  },
  vault_secret_id_requests_failures_total: {
    fullName: 'kubernetesvault_vault_secret_id_requests_failures_total',
    help: "Requests to Vault for an AppRole's secret_id that failed",
    labels: APPROLE,
    by: APPROLE,
  },
  server_secret_pushes_total: {
    fullName: 'kubernetesvault_server_secret_pushes_total',
    help: 'Wrapped secret_ids that an init container has taken',
    labels: APPROLE,
    by: APPROLE,
  },
  server_secret_push_failures_total: {
    fullName: 'kubernetesvault_server_secret_push_failures_total',
    help: 'Times that an init container could not be reached, or did not take its wrapped secret_id',
    labels: APPROLE,
    by: APPROLE,
  },
  vault_requests_total: {
    help: 'Requests to Vault, by operation and HTTP status (or why there was none)',
    labels: ['operation', 'status'],
    by: ASKING_VAULT,
  },
} as const satisfies Readonly<Record<string, Definition>>;

export const GAUGES = {
  token_expiration: {
    help: "When the tokens expire (Unix time); without uuid, the namespace's first",
    labels: GRANT,
    by: ['renewal'],
  },
  lease_expiration: {
    help: "When the leases expire (Unix time); without uuid, the namespace's first",
    labels: GRANT,
    by: ['renewal'],
  },
  token_last_renewed: {
    help: "When the tokens were last renewed (Unix time); without uuid, the namespace's oldest",
    labels: GRANT,
    by: ['renewal'],
  },
  last_synchronization_success: {
    help: 'Start of the last sweep that completed all of its work (Unix time); 0 if there has been none',
    labels: [],
    by: ['renewal'],
  },
  is_leader: {
    help: '1 for the running job: there is no leader election',
    labels: ['lease_name'],
    by: ['renewal'],
  },
  leader_election_duration_seconds: {
    help: 'How long the last run of the renewal job took',
    labels: ['lease_name', 'leader_name', 'mode'],
    by: ['renewal'],
  },

  lease_max_ttl_timestamp_seconds: {
    help: "Final expiry of leases that Vault will not extend; without uuid, the namespace's first",
    labels: GRANT,
    by: ['renewal'],
  },
  grants: { help: 'Grants of live pods', labels: ['namespace'], by: ['renewal'] },
  sweep_grants: {
    help: 'Grants and pods of the last sweep, by what it found or did',
    labels: ['state'],
    by: ['renewal'],
  },
  sweep_braked: {
    help: '1 if the last sweep refused to revoke as much as it found',
    labels: [],
    by: ['renewal'],
  },
  clock_skew_seconds: {
    help: "How far this process' clock is ahead of Vault's, by which all ages are measured",
    labels: [],
    by: ASKING_VAULT,
  },
  sweep_interval_seconds: { help: 'Time between two sweeps, as configured', labels: [], by: ['renewal'] },
  build_info: {
    help: 'Always 1; its labels say what runs',
    labels: ['version', 'node_version', 'process'],
    by: ALL,
  },
} as const satisfies Readonly<Record<string, Definition>>;

export const SUMMARIES = {
  last_synchronization_duration: {
    help: 'How long sweeps take, in seconds',
    labels: [],
    by: ['renewal'],
  },
} as const satisfies Readonly<Record<string, Definition>>;

export const HISTOGRAMS = {
  admission_duration_seconds: {
    help: 'Admissions of pods with the label, by outcome',
    labels: ['result'],
    by: ['admission'],
    buckets: ANSWERS,
  },
  admission_phase_duration_seconds: {
    help: 'What admissions spend their time on',
    labels: ['phase'],
    by: ['admission'],
    buckets: ANSWERS,
  },
  revocation_duration_seconds: {
    help: "Grants of deleted pods, by outcome; from the event's arrival on",
    labels: ['result'],
    by: ['revocation'],
    buckets: ANSWERS,
  },
  sweep_duration_seconds: {
    help: 'Sweeps, by outcome',
    labels: ['result'],
    by: ['renewal'],
    buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 120, 240, 600],
  },
  vault_request_duration_seconds: {
    help: 'Requests to Vault, by operation',
    labels: ['operation'],
    by: ASKING_VAULT,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10],
  },
  cold_start_duration_seconds: {
    help: 'Time from the start of the process until it listens',
    labels: [],
    by: FUNCTIONS,
    buckets: [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5],
  },
} as const satisfies Readonly<Record<string, Definition>>;
