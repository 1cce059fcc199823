/** `doctor` on the stack: all is well, and what it says of each thing that is not; what its names mend is said with it. */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { processPolicy } from '../../stack/vault/policies.ts';
import { addPolicy } from '../../stack/vault/roles.ts';
import { configurationFile, normalised, run } from '../support/command-line.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { reportReady } from '../support/ready.ts';
import { openBao, stack } from '../support/stack.ts';

const golden = (name: string) => `../../golden/cli/${name}.txt`;
const mount = `doctor-${randomUUID().slice(0, 8)}`;
let strict: StrictFleet;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  strict = await openStrictFleet();
  await stack.vault.call('POST', `sys/mounts/${mount}`, { type: 'database' });
  await databaseRole(3600);
  await reportReady();
  await stack.sweep({ overrides: strict.keysOf('renewal') });
  const file = await configurationFile({ vaultSecretPrefix: strict.ledgerPrefix, defaultEngine: mount });
  environment = {
    CONFIG_FILE: file,
    INJECTOR_KUBE_ROLE: strict.roleOf('renewal'),
    VAULT_TOKEN: stack.description.vault.rootToken,
  };
});

async function databaseRole(defaultTtl: number) {
  await stack.vault.call('POST', `${mount}/roles/orders-rw`, {
    db_name: 'none',
    default_ttl: defaultTtl,
    creation_statements: ['SELECT 1'],
  });
}

const doctor = (env: Readonly<Record<string, string>> = {}) =>
  run(['doctor'], { env: { ...environment, ...env } });

/** What is not well, with what mends it. */
const wrong = (out: string) => normalised(out).match(/^[✗?].*(?:\n {4}.*)?/gm) ?? [];

test('all is well', async () => {
  const { code, out, err } = await doctor();
  expect([code, err]).toEqual([0, '']);
  await expect(normalised(out)).toMatchFileSnapshot(golden('doctor-well'));
});

test('the same for programs', async () => {
  const { code, out } = await run(['doctor', '--json'], { env: environment });
  const Report = v.object({
    ok: v.literal(true),
    checks: v.array(v.object({ check: v.string(), state: v.literal('ok'), detail: v.string() })),
  });
  expect([code, v.parse(Report, JSON.parse(out)).checks.length]).toEqual([0, 31]);
});

test('without a token of somebody who may read the database roles, nobody says that these are well', async () => {
  const { code, out } = await doctor({ VAULT_TOKEN: '' });
  expect(code).toBe(0);
  expect(wrong(out)).toEqual([
    "? database engines: PREFIX: not the injector's own to see\n    VAULT_TOKEN=… of somebody who may read database roles",
    "? database roles: no sweep has seen a lease yet, and the roles are not the injector's own to read\n    VAULT_TOKEN=… of somebody who may read database roles",
  ]);
});

test('a role that does not say how long its leases last has those of its mount', async () => {
  await databaseRole(0);
  const roleLine = async () => /^. database roles: .*$/m.exec((await doctor()).out)?.[0];
  const byServer = await roleLine();
  await stack.vault.call('POST', `sys/mounts/${mount}/tune`, { default_lease_ttl: '2h' });
  const byMount = await roleLine();
  await databaseRole(3600);
  expect([byServer, byMount]).toEqual([
    '✓ database roles: 1 there, the shortest lease 2764800 s; two sync intervals are 600 s',
    '✓ database roles: 1 there, the shortest lease 7200 s; two sync intervals are 600 s',
  ]);
});

test('the configuration is that of the cluster, where no file is named', async () => {
  const { code, out } = await run(['doctor', '--vault-address', openBao.address], {
    env: { VAULT_TOKEN: stack.description.vault.rootToken },
  });
  // The manifests' own, whose mounts and prefix are not the stack's.
  expect([code, out]).toEqual([
    1,
    expect.stringContaining('✓ configuration: ConfigMap configuration in vault-injector: valid'),
  ]);
});

describe('a fault is named, with the command that mends it:', () => {
  test('Vault is sealed', async () => {
    await stack.vaultFaults.seal();
    const { code, out } = await doctor().finally(stack.vaultFaults.unseal);
    expect(code).toBe(1);
    await expect(normalised(out)).toMatchFileSnapshot(golden('doctor-sealed'));
  });

  test('Vault is stopped', async () => {
    await stack.control.stop('openbao');
    const { code, out } = await doctor().finally(() => stack.control.start('openbao'));
    await stack.vaultFaults.unseal();
    expect([code, wrong(out)]).toEqual([
      1,
      [
        '✗ Vault: http://ADDRESS: Vault cannot be reached (ECONNREFUSED)\n    start it, or correct vaultAddress: kubectl --namespace vault-injector edit configmap configuration',
      ],
    ]);
  });

  test('a capability is missing', async () => {
    const policy = await processPolicy('renewal', { ledgerPrefix: strict.ledgerPrefix });
    const less = policy.replace('capabilities = ["create", "read", "update"]', 'capabilities = ["read"]');
    await addPolicy(stack.vault, strict.roleOf('renewal'), less);
    const { code, out } = await doctor();
    await addPolicy(stack.vault, strict.roleOf('renewal'), policy);
    expect([code, wrong(out)]).toEqual([
      1,
      [
        `✗ rights of renewal in Vault: missing: create, update on vault-injector/data/PREFIX-sweep/*\n    LEDGER_PREFIX=PREFIX LEDGER_MOUNT=vault-injector AUTH_PATH=pgsql2-dv-kubernetes1-dv-par5 DATABASE_MOUNTS='PREFIX' knative/vault/set-up.sh`,
      ],
    ]);
  });

  test('a policy of before does not let it ask for its capabilities', async () => {
    const policy = await processPolicy('renewal', { ledgerPrefix: strict.ledgerPrefix });
    await addPolicy(
      stack.vault,
      strict.roleOf('renewal'),
      policy.replace('sys/capabilities-self', 'sys/other'),
    );
    const { code, out } = await doctor();
    await addPolicy(stack.vault, strict.roleOf('renewal'), policy);
    expect([code, wrong(out)]).toEqual([
      0,
      [
        expect.stringMatching(
          /^\? rights of renewal in Vault: could not be looked at: .*sys\/capabilities-self\n.*set-up\.sh$/,
        ),
      ],
    ]);
  });

  test('a process may not log in', async () => {
    const path = `auth/pgsql2-dv-kubernetes1-dv-par5/role/${strict.roleOf('revocation')}`;
    const Role = v.object({ data: v.record(v.string(), v.unknown()) });
    const { data } = v.parse(Role, await stack.vault.call('GET', path));
    await stack.vault.call('POST', path, { ...data, bound_service_account_names: ['somebody-else'] });
    const { code, out } = await doctor();
    await stack.vault.call('POST', path, data);
    expect([code, wrong(out)]).toEqual([
      1,
      [
        expect.stringMatching(
          /^✗ login of revocation: Vault does not let .*\n {4}LEDGER_PREFIX=.*set-up\.sh$/,
        ),
      ],
    ]);
  });

  test("a role's leases are shorter than two intervals", async () => {
    await databaseRole(300);
    const { code, out } = await doctor();
    await databaseRole(3600);
    expect([code, wrong(out)]).toEqual([
      1,
      [
        '✗ database roles: leases of PREFIX/orders-rw 300 s are shorter than two sync intervals (600 s)\n    vault write PREFIX/roles/orders-rw default_ttl=600s, or a shorter syncTTLSecond and schedule',
      ],
    ]);
  });

  test('a mount is not there, and whether it is cannot be told', async () => {
    const { ledgerPrefix: vaultSecretPrefix } = strict;
    const file = await configurationFile({ vaultSecretPrefix, defaultEngine: 'nowhere' });
    const { code, out } = await doctor({ CONFIG_FILE: file });
    expect([code, wrong(out)]).toEqual([
      1,
      [
        `✗ database engines: there is no mount nowhere
    vault secrets enable -path=nowhere database, or correct defaultEngine: kubectl --namespace vault-injector edit configmap configuration`,
        '? database roles: could not be looked at: see the database engines',
      ],
    ]);
    const dark = await doctor({ CONFIG_FILE: file, VAULT_TOKEN: 'of-nobody' });
    expect([dark.code, wrong(dark.out)]).toEqual([
      0,
      [
        expect.stringMatching(/^\? database engines: nowhere: VAULT_TOKEN may not see it\n/),
        expect.stringMatching(/^\? database roles: could not be looked at: VAULT_TOKEN may not read them\n/),
      ],
    ]);
  });

  test('the webhook is gone', async () => {
    const folder = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
    const Stored = v.looseObject({ metadata: v.looseObject({ name: v.string() }) });
    const stored = v.parse(Stored, await stack.kubernetes.call('GET', `${folder}/vault-db-injector`));
    await stack.kubernetes.call('DELETE', `${folder}/vault-db-injector`);
    const { code, out } = await doctor();
    const { resourceVersion: _, uid: __, ...metadata } = stored.metadata;
    await stack.kubernetes.call('POST', folder, { ...stored, metadata });
    await stack.restoreWebhook();
    expect([code, wrong(out)]).toEqual([
      1,
      [
        '✗ webhook: there is no MutatingWebhookConfiguration vault-db-injector: no pod is given anything\n    npm run install:cluster',
      ],
    ]);
    expect(out).toContain('- the webhook\'s authority: not looked at: it needs "webhook"');
  });

  test('the CronJob is suspended', async () => {
    const path = '/apis/batch/v1/namespaces/vault-injector/cronjobs/renewal';
    const CronJob = v.looseObject({ spec: v.looseObject({}) });
    const suspend = async (value: boolean) => {
      const stored = v.parse(CronJob, await stack.kubernetes.call('GET', path));
      await stack.kubernetes.call('PUT', path, { ...stored, spec: { ...stored.spec, suspend: value } });
    };
    await suspend(true);
    const { code, out } = await doctor().finally(() => suspend(false));
    expect([code, wrong(out)]).toEqual([
      1,
      [
        `✗ CronJob renewal: is suspended: nothing renews\n    kubectl --namespace vault-injector patch cronjob renewal --patch '{"spec":{"suspend":false}}'`,
      ],
    ]);
  });

  test('the schedule is slower than the interval', async () => {
    const { ledgerPrefix: vaultSecretPrefix } = strict;
    const file = await configurationFile({ vaultSecretPrefix, defaultEngine: mount, syncTTLSecond: 60 });
    const { code, out } = await doctor({ CONFIG_FILE: file });
    expect([code, wrong(out)[0]]).toEqual([
      1,
      `✗ schedule: the CronJob's schedule "*/5 * * * *" lets 300 s pass between two sweeps, and syncTTLSecond is 60: make them agree
    kubectl --namespace vault-injector edit configmap configuration, or kubectl --namespace vault-injector edit cronjob renewal`,
    ]);
  });

  test('the configuration has faults', async () => {
    const file = await configurationFile({ syncTTLSecond: 0, vaultAdress: 'x' });
    const { code, out } = await doctor({ CONFIG_FILE: file });
    expect([code, wrong(out)[0]]).toEqual([
      1,
      '✗ configuration: config.yaml: vaultAdress: is not a known key; syncTTLSecond: expected at least 1\n    edit config.yaml',
    ]);
  });
});

test('whoever may do little is told so, and nothing counts as well that could not be seen', async () => {
  const { kubeconfig } = stack.description.functions.containers['renewal'] ?? {};
  const { out } = await doctor({ KUBECONFIG: kubeconfig ?? '' });
  const states = Object.fromEntries(
    [...out.matchAll(/^([✓✗?-]) ([^:]+):/gm)].map(([, state = '', check = '']) => [check, state]),
  );
  expect(states).toMatchObject({
    'API server': '✓',
    'login of admission': '?',
    'login of revocation': '?',
    'rights of renewal in the cluster': '✓',
    'rights of events in the cluster': '?',
    'CronJob renewal': '?',
  });
});

describe('once there are grants', () => {
  const lineOf = (out: string, check: string) => new RegExp(`^. ${check}: .*$`, 'm').exec(out)?.[0];

  test('their leases tell of roles, without a token that may read these', async () => {
    await strict.fleet.pod();
    await stack.sweep({ overrides: strict.keysOf('renewal') });
    const { code, out } = await doctor({ VAULT_TOKEN: '' });
    expect([code, lineOf(out, 'database roles'), lineOf(out, 'the ledger')]).toEqual([
      0,
      '✓ database roles: 1 in use, the shortest lease 3600 s; two sync intervals are 600 s',
      `✓ the ledger: vault-injector/${strict.ledgerPrefix}: 1 record`,
    ]);
  });

  test('a sweep that has not been successful for long is named', async () => {
    const last = {
      succeededAt: Date.now() - 3_600_000,
      shortestLeaseSeconds: 3600,
      clusterId: 'x',
      shards: 1,
    };
    await stack.vault.call('POST', `vault-injector/data/${strict.ledgerPrefix}-sweep/last-0`, { data: last });
    const { code, out } = await doctor({ VAULT_TOKEN: '' });
    expect([code, lineOf(out, 'last sweep')]).toEqual([
      1,
      expect.stringMatching(
        /^✗ last sweep: the last one that did all it had to do began 36\d\d s ago \(at most 600 s\)$/,
      ),
    ]);
    expect(out).toContain('create job renewal-now --from=cronjob/renewal');
  });
});
