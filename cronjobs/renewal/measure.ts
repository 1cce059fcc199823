/** Turns a sweep's report into Prometheus metrics. */
import { hostname } from 'node:os';
import type { VaultRuntime } from '../../shared/vault-runtime.ts';
import type { SweepReport } from './report.ts';

/** @param code the exit code: 0, or 3 if the brake was pulled. */
export function measureSweep(report: SweepReport, code: number, { config, metrics }: VaultRuntime): void {
  const { vaultRequests, durationMs, braked, clockSkewSeconds, ...states } = report;
  const seconds = durationMs / 1_000;
  const result = braked ? 'braked' : code === 0 ? 'success' : 'failure';
  metrics.count(code === 0 ? 'synchronization_count_success' : 'synchronization_count_error', {});
  metrics.observe('sweep_duration_seconds', { result }, seconds);
  metrics.summarize('last_synchronization_duration', seconds);
  metrics.set('sweep_interval_seconds', {}, config.syncIntervalSeconds);
  metrics.set('sweep_braked', {}, braked ? 1 : 0);
  for (const [state, value] of Object.entries(states))
    metrics.set('sweep_grants', { state: snakeCase(state) }, value);
  // There is no leader election: the running job is the only one, and existing dashboards ask for the leader.
  const lease = { lease_name: `renewal-${config.shard}` };
  metrics.set('is_leader', lease, 1);
  metrics.count('leader_election_attempts_total', lease);
  const leader = { ...lease, leader_name: hostname(), mode: 'renewer' };
  metrics.set('leader_election_duration_seconds', leader, seconds);
}

/** Label value per field of the report. */
export const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
