/** The metrics after these admissions: under the names of the reference's dashboards, and ours. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { addAuthRole } from '../../stack/vault/roles.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering, cutBefore } from '../support/faults.ts';
import { parseMetrics, type Samples } from '../support/metrics.ts';
import { type PodWishes, podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const proxy = await startFaultProxy();
let admission: AdmissionFunction;
let before: Samples;

async function samples(): Promise<Samples> {
  const { status, headers, body } = await admission.get('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  return parseMetrics(body);
}

const OURS = /_seconds_|^vault_requests_total|^build_info/;

async function differences(): Promise<(readonly [string, number])[]> {
  const now = await samples();
  return Object.entries(now)
    .map(([name, value]) => [name.replace(/^vault_injector_/, ''), value - (before[name] ?? 0)] as const)
    .filter(([, difference]) => difference !== 0);
}

/** What has been counted since the last look under the reference's names, without their common beginning. */
const counted = async () => Object.fromEntries((await differences()).filter(([name]) => !OURS.test(name)));
/** The same under ours; of timings how many there were. */
const measured = async () =>
  Object.fromEntries(
    (await differences()).filter(([name]) => OURS.test(name) && !/_(?:bucket|sum)\b/.test(name)),
  );

async function admit(annotations: Readonly<Record<string, string>>, wishes: PodWishes = {}) {
  return ask(admission, reviewOf(podWith(annotations, wishes)));
}

beforeAll(async () => {
  await createNamespace(stack.kubernetes, 'metrics-team', [exampleAccount]);
  await addAuthRole(stack.vault, {
    name: 'unnamed-policy',
    serviceAccounts: [exampleAccount],
    namespaces: [exampleNamespace],
    policies: ['gule-rw'],
  });
  admission = await startAdmission(proxy);
  before = {};
});

afterEach(async () => {
  proxy.heal();
  before = await samples();
});

describe('an instance counts', () => {
  test('its login, and begins with all of its unlabelled counters at zero', async () => {
    expect(await counted()).toEqual({ connect_vault_count_success: 1 });
    expect(await samples()).toMatchObject({
      vault_injector_connect_vault_count_success: 1,
      vault_injector_connect_vault_count_error: 0,
      vault_injector_orphan_ticket_created_count_success: 0,
      vault_injector_orphan_ticket_created_count_error: 0,
      vault_injector_service_account_authorized_count: 0,
      vault_injector_mutated_pods_success_count: 0,
      vault_injector_mutated_pods_error_count: 0,
    });
  });

  test('a pod with two databases', async () => {
    await admit({
      role: 'gule-rw',
      'a.mode': 'classic',
      'b.role': 'other-rw',
      'b.env-key-dbuser': 'B',
      'b.env-key-dbpassword': 'P',
    });
    expect(await counted()).toEqual({
      service_account_authorized_count: 2,
      orphan_ticket_created_count_success: 2,
      'store_data_count_success{namespace="team-infrastructure"}': 2,
      mutated_pods_success_count: 1,
    });
  });

  test('a pod that is none of its business: not at all', async () => {
    await admit({ role: 'gule-rw' }, { labels: {} });
    expect(await counted()).toEqual({});
  });

  test.each([
    [
      'service_account',
      { role: 'gule-rw' },
      { serviceAccount: 'default' },
      'gule-rw',
      'default',
      exampleNamespace,
    ],
    [
      'namespace',
      { role: 'gule-rw' },
      { namespace: 'metrics-team' },
      'gule-rw',
      exampleAccount,
      'metrics-team',
    ],
    ['policy', { role: 'unnamed-policy' }, {}, 'unnamed-policy', exampleAccount, exampleNamespace],
    [
      'reserved_role',
      { role: 'vault-db-injector-admission' },
      {},
      'vault-db-injector-admission',
      exampleAccount,
      exampleNamespace,
    ],
    // Its name could be anything: as a label's value it would be a series of its own for each mistake.
    ['role', { role: 'nobody-knows-it' }, {}, 'unknown', exampleAccount, exampleNamespace],
  ] as const)('a denial, by its cause: %s', async (cause, annotations, wishes, role, account, namespace) => {
    await admit(annotations, wishes);
    expect(await counted()).toEqual({
      [`service_account_denied_count{service_account_name="${account}",namespace="${namespace}",db_role="${role}",cause="${cause}"}`]: 1,
      mutated_pods_error_count: 1,
    });
  });

  test('a token that Vault would not make', async () => {
    proxy.fail('token', answering(400, '{"errors":["no"]}'));
    await admit({ role: 'gule-rw' });
    expect(await counted()).toEqual({
      service_account_authorized_count: 1,
      orphan_ticket_created_count_error: 1,
      mutated_pods_error_count: 1,
    });
  });

  test('a record that could not be written, and what was undone for it', async () => {
    proxy.fail('record', answering(400, '{"errors":["no"]}'));
    await admit({ role: 'gule-rw' });
    expect(await counted()).toEqual({
      service_account_authorized_count: 1,
      orphan_ticket_created_count_success: 1,
      'store_data_count_error{namespace="team-infrastructure"}': 1,
      'revoke_token_count_success{namespace="team-infrastructure"}': 1,
      'delete_data_count_success{namespace="team-infrastructure"}': 1,
      mutated_pods_error_count: 1,
    });
  });

  test('a login that failed', async () => {
    const other = await startAdmission(proxy, { overrides: { kubeRole: 'nobody' }, until: 'healthy' });
    await other.get('/readyz');
    const { body } = await other.get('/metrics');
    const { vault_injector_connect_vault_count_error: errors, ...rest } = parseMetrics(body);
    expect(errors).toBeGreaterThanOrEqual(1);
    expect(rest['vault_injector_connect_vault_count_success']).toBe(0);
  });
});

describe('an instance measures', () => {
  const asked = (operation: string, status = '2xx') =>
    `vault_requests_total{operation="${operation}",status="${status}"}`;
  const timed = (operation: string) => `vault_request_duration_seconds_count{operation="${operation}"}`;
  const phase = (name: string) => `admission_phase_duration_seconds_count{phase="${name}"}`;
  const result = (name: string) => `admission_duration_seconds_count{result="${name}"}`;

  test('what runs, and its start', async () => {
    const all = Object.entries(await samples());
    const [build = '', one] = all.find(([name]) => name.startsWith('vault_injector_build_info')) ?? [];
    expect([build, one]).toEqual([
      expect.stringMatching(/\{version="[\d.]+",node_version="v24.+",process="admission"\}/),
      1,
    ]);
    expect(await samples()).toMatchObject({ vault_injector_cold_start_duration_seconds_count: 1 });
  });

  test('an admission by its phases, and its requests to Vault', async () => {
    await admit({ role: 'other-rw' });
    expect(await measured()).toMatchObject({
      [result('issued')]: 1,
      ...Object.fromEntries(['authorize', 'token', 'credentials', 'record'].map((name) => [phase(name), 1])),
      [asked('create a token')]: 1,
      [asked('issue credentials')]: 1,
      [timed('issue credentials')]: 1,
    });
  });

  test('one that its owner has to mend', async () => {
    await admit({ 'db.mode': 'wrong' });
    expect(await measured()).toEqual({ [result('denied')]: 1 });
  });

  test('one that Vault spoilt, and what was undone for it', async () => {
    proxy.fail('record', answering(400, '{"errors":["no"]}'));
    await admit({ role: 'gule-rw' });
    expect(await measured()).toMatchObject({
      [result('failed')]: 1,
      [phase('undo')]: 1,
      [asked('revoke a token')]: 1,
      [asked('write a record of the ledger', '400')]: 1,
    });
  });

  test('a dry run', async () => {
    await ask(admission, reviewOf(podWith({ role: 'gule-rw' }), { dryRun: true }));
    expect(await measured()).toMatchObject({ [result('dry_run')]: 1 });
  });

  test('a connection that breaks: without a status', async () => {
    proxy.fail('token', cutBefore);
    await admit({ role: 'gule-rw' });
    expect(await measured()).toMatchObject({ [asked('create a token', 'unreachable')]: 1 });
  });
});
