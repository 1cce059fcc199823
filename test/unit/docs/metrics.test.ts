/** docs/metrics.md says what the code does, and the code has every row of the reference's table. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  COUNTERS,
  type Definition,
  GAUGES,
  HISTOGRAMS,
  nameOf,
  SUMMARIES,
} from '../../../shared/telemetry/metric-table.ts';
import { createMetrics } from '../../../shared/telemetry/metrics.ts';
import { tableIn } from './markdown-table.ts';

const kinds: Readonly<Record<string, Readonly<Record<string, Definition>>>> = {
  counter: COUNTERS,
  gauge: GAUGES,
  summary: SUMMARIES,
  histogram: HISTOGRAMS,
};
const defined = Object.entries(kinds).flatMap(([type, table]) =>
  Object.entries(table).map(([name, definition]) => [
    nameOf(name, definition),
    type,
    definition.labels.map((label) => `\`${label}\``).join(', '),
    definition.by.join(', '),
    definition.help,
  ]),
);

test('the table has every figure, as the code defines it', () => {
  const rows = tableIn(readFileSync('docs/metrics.md', 'utf8'), [
    'Name',
    'Type',
    'Labels',
    'From',
    'Meaning',
  ]);
  // A cell that is all code has its marks taken off by the reader.
  const plain = (cells: readonly string[]) => cells.map((cell) => cell.replaceAll('`', ''));
  expect(rows.map(plain)).toEqual(defined.map(plain));
});

describe('the reference’s metrics', () => {
  const grant = 'uuid,namespace';
  const lease = 'lease_name';
  test.each([
    ['renew_token_count_success', 'counter', grant],
    ['renew_token_count_error', 'counter', grant],
    ['renew_lease_count_success', 'counter', grant],
    ['renew_lease_count_error', 'counter', grant],
    ['revoke_token_count_success', 'counter', grant],
    ['revoke_token_count_error', 'counter', grant],
    ['token_expiration', 'gauge', grant],
    ['lease_expiration', 'gauge', grant],
    ['token_last_renewed', 'gauge', grant],
    ['synchronization_count_success', 'counter', ''],
    ['synchronization_count_error', 'counter', ''],
    ['pod_cleanup_count_success', 'counter', ''],
    ['pod_cleanup_count_error', 'counter', ''],
    ['last_synchronization_success', 'gauge', ''],
    ['orphan_ticket_created_count_success', 'counter', ''],
    ['orphan_ticket_created_count_error', 'counter', ''],
    ['store_data_count_success', 'counter', grant],
    ['store_data_count_error', 'counter', grant],
    ['delete_data_count_success', 'counter', grant],
    ['delete_data_count_error', 'counter', grant],
    ['connect_vault_count_success', 'counter', ''],
    ['connect_vault_count_error', 'counter', ''],
    ['service_account_authorized_count', 'counter', ''],
    ['service_account_denied_count', 'counter', 'service_account_name,namespace,db_role,cause'],
    ['last_synchronization_duration', 'summary', ''],
    ['is_leader', 'gauge', lease],
    ['leader_election_attempts_total', 'counter', lease],
    ['leader_election_duration_seconds', 'gauge', `${lease},leader_name,mode`],
    ['fetch_pods_success_count', 'counter', ''],
    ['fetch_pods_error_count', 'counter', ''],
    ['mutated_pods_success_count', 'counter', ''],
    ['mutated_pods_error_count', 'counter', ''],
    ['vault_secret_id_requests_total', 'counter', 'approle'],
    ['vault_secret_id_requests_failures_total', 'counter', 'approle'],
    ['server_secret_pushes_total', 'counter', 'approle'],
    ['server_secret_push_failures_total', 'counter', 'approle'],
  ])('%s: a %s by %s', (name, type, labels) => {
    expect(kinds[type]?.[name]?.labels.join()).toBe(labels);
  });
});

describe('a process', () => {
  test('has its own figures and nobody else’s', async () => {
    const { text } = await createMetrics({ process: 'dead-letters', uuidLabel: false }).expose();
    const names = [...text.matchAll(/^# TYPE vault_injector_(\w+) /gm)].map(([, name]) => name);
    expect(names.toSorted()).toEqual(['build_info', 'cold_start_duration_seconds', 'dead_letters_total']);
  });

  test.each([
    [false, '{namespace="team"}'],
    [true, '{uuid="one",namespace="team"}'],
  ])('labels with uuids: %s', async (uuidLabel, labels) => {
    const metrics = createMetrics({ process: 'renewal', uuidLabel });
    metrics.count('renew_token_count_success', { uuid: 'one', namespace: 'team' });
    const { text } = await metrics.expose();
    expect(text).toContain(`vault_injector_renew_token_count_success${labels} 1`);
  });
});
