/**
 * Figures as the functions and the renewal job show them (docs/metrics.md), of a small cluster in which a bit of everything
 * happens. For tests of what reads figures; what the processes themselves show is another test's.
 */
import { createServer } from 'node:http';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { freePort } from '../../../stack/process/ports.ts';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const NAMESPACES = ['orders', 'billing', 'reports'];
type Labels = Record<string, string>;

function recorder(registry: Registry) {
  const find = <M>(
    name: string,
    labels: Labels,
    make: (definition: Definition) => M,
    is: (found: unknown) => found is M,
  ) => {
    const full = `vault_injector_${name}`;
    const found: unknown = registry.getSingleMetric(full);
    return is(found)
      ? found
      : make({ name: full, help: name, labelNames: Object.keys(labels), registers: [registry] });
  };
  return {
    count: (name: string, labels: Labels, by: number) =>
      find(
        name,
        labels,
        (of) => new Counter(of),
        (one) => one instanceof Counter,
      ).inc(labels, by),
    set: (name: string, labels: Labels, value: number) =>
      find(
        name,
        labels,
        (of) => new Gauge(of),
        (one) => one instanceof Gauge,
      ).set(labels, value),
    observe: (name: string, labels: Labels, seconds: number) =>
      find(
        name,
        labels,
        (of) => new Histogram({ ...of, buckets: SECONDS }),
        (one) => one instanceof Histogram,
      ).observe(labels, seconds),
  };
}

interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

/** Uneven, and the same at each run. */
const wave = (moment: number, least: number, most: number, phase = 0): number =>
  least + ((most - least) * (1 + Math.sin(moment / 5 + phase))) / 2;

type Recorder = ReturnType<typeof recorder>;

function vaultIsAsked(
  { count, observe }: Recorder,
  operation: string,
  status: string,
  seconds: number,
): void {
  count('vault_requests_total', { operation, status }, 1);
  observe('vault_request_duration_seconds', { operation }, seconds);
}

const RESULTS = ['issued', 'issued', 'issued', 'issued', 'denied', 'issued', 'issued', 'dry_run', 'failed'];
const PHASES = ['authorize', 'token', 'credentials', 'record', 'undo'];
const OPERATIONS = ['log in', 'create a token', 'issue credentials', 'write a record'];

function admissions(record: Recorder, moment: number): void {
  for (let pod = 0; pod < wave(moment, 1, 12); pod += 1) {
    const result = RESULTS[(moment + pod) % RESULTS.length] ?? 'issued';
    record.observe('admission_duration_seconds', { result }, wave(pod, 0.012, 0.09));
    for (const [index, phase] of PHASES.entries())
      record.observe(
        'admission_phase_duration_seconds',
        { phase },
        wave(pod, 0.002, 0.005 * (index + 1), index),
      );
    for (const operation of OPERATIONS) vaultIsAsked(record, operation, '2xx', wave(pod, 0.003, 0.02));
  }
  const who = {
    service_account_name: 'api',
    namespace: 'orders',
    db_role: 'orders-rw',
    cause: 'not allowed',
  };
  if (moment % 5 === 0) record.count('service_account_denied_count', who, 2);
  if (moment % 7 === 0) vaultIsAsked(record, 'issue credentials', '503', 0.8);
}

function revocations({ count, observe }: Recorder, moment: number): void {
  for (const [index, outcome] of ['revoked', 'ignored', 'alive', 'no_record'].entries())
    if (moment % (index + 1) === 0) count('deletion_events_total', { outcome }, 2);
  observe('revocation_duration_seconds', { result: 'revoked' }, wave(moment, 0.01, 0.05));
  if (moment % 15 === 0) count('dead_letters_total', { outcome: 'kept' }, 1);
  for (const namespace of NAMESPACES) count('revoke_token_count_success', { namespace }, 1);
  if (moment % 9 === 0) count('revoke_token_count_error', { namespace: 'billing' }, 1);
}

/** What the functions have done by the `moment`th time that they are asked. */
function functionsDo(record: Recorder, moment: number): void {
  record.set('build_info', { version: '3.0.0', node_version: 'v24.21.0', process: 'admission' }, 1);
  if (moment % 20 === 0) record.observe('cold_start_duration_seconds', {}, wave(moment, 0.15, 0.4));
  admissions(record, moment);
  revocations(record, moment);
}

interface JobOptions {
  readonly intervalSeconds?: number;
  /** How long the first of the leases has to live after each sweep. */
  readonly leaseSeconds?: number;
}

/** Figures of the last sweep. */
const STATES = {
  live: 84,
  overdue: 0,
  orphaned: 3,
  revoked: 3,
  pending: 0,
  failed: 0,
  unknown: 0,
  lost: 0,
  ending: 1,
};

function sweepDoes({ count, observe, set }: Recorder, sweep: number, leaseSeconds: number): void {
  const now = Date.now() / 1000;
  set('last_synchronization_success', {}, now);
  count('synchronization_count_success', {}, 1);
  observe('sweep_duration_seconds', { result: 'success' }, wave(sweep, 1, 4));
  count('vault_requests_total', { operation: 'renew a lease', status: '2xx' }, 20);
  const due = Math.round(wave(sweep, 5, 20));
  for (const [state, value] of Object.entries({ ...STATES, due, renewed: due }))
    set('sweep_grants', { state }, value);
  for (const [index, namespace] of NAMESPACES.entries()) {
    set('grants', { namespace }, Math.round(wave(sweep, 20, 40, index * 2)));
    set('lease_expiration', { namespace }, now + leaseSeconds * (1 + index));
    count('renew_lease_count_success', { namespace }, Math.ceil(due / 3));
    count('renew_lease_count_error', { namespace }, 0);
  }
  set('lease_max_ttl_timestamp_seconds', { namespace: 'reports' }, now + 50_000);
}

/** It learns of no lease then, nor when the last good sweep was, and what the last one said of them stands. */
function sweepWithoutVaultDoes({ count, observe, set }: Recorder): void {
  count('synchronization_count_error', {}, 1);
  observe('sweep_duration_seconds', { result: 'failure' }, 8);
  count('vault_requests_total', { operation: 'log in', status: '503' }, 4);
  for (const state of Object.keys(STATES)) set('sweep_grants', { state }, state === 'failed' ? 4 : 0);
}

/** The renewal job's: what it pushes after one more sweep. */
export function sampleJob({ intervalSeconds = 300, leaseSeconds = 1_500 }: JobOptions = {}) {
  const registry = new Registry();
  const record = recorder(registry);
  let sweep = 0;
  record.set('build_info', { version: '3.0.0', node_version: 'v24.21.0', process: 'renewal' }, 1);
  record.set('sweep_interval_seconds', {}, intervalSeconds);
  record.set('sweep_braked', {}, 0);
  record.count('synchronization_count_error', {}, 0);
  return {
    sweep(): Registry {
      sweepDoes(record, sweep, leaseSeconds);
      sweep += 1;
      return registry;
    },
    sweepWithoutVault(): Registry {
      sweepWithoutVaultDoes(record);
      return registry;
    },
  };
}

/** The functions, which do something each time that they are scraped. */
export async function serveSampleFunctions(): Promise<{ url: string; close(): void }> {
  const registry = new Registry();
  const record = recorder(registry);
  let moment = 0;
  const server = createServer(async (_, response) => {
    functionsDo(record, moment);
    moment += 1;
    response.setHeader('content-type', registry.contentType).end(await registry.metrics());
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
