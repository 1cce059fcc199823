/** What `doctor` says of each thing that is not well, and the command that mends it. */
import { execa } from 'execa';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { findOrInstall } from '../../stack/install/index.ts';
import { projectRoot } from '../../stack/paths.ts';
import { databaseMount } from '../../stack/vault/names.ts';
import { addPolicy } from '../../stack/vault/roles.ts';
import { configurationFile, normalised } from '../support/command-line.ts';
import { canLogIn, deletePod } from '../support/fleet-state.ts';
import { goldenFile, openPatient, type Patient, wrongIn } from '../support/patient.ts';
import { openBao, stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const Policy = v.object({ data: v.object({ policy: v.string() }) });
let patient: Patient;

beforeAll(async () => {
  patient = await openPatient();
});

describe('a fault is named, with the command that mends it:', () => {
  test('Vault is sealed', async () => {
    await stack.vaultFaults.seal();
    const { code, out } = await patient.doctor().finally(stack.vaultFaults.unseal);
    expect(code).toBe(1);
    await expect(normalised(out)).toMatchFileSnapshot(goldenFile('doctor-sealed'));
  });

  test('Vault is stopped', async () => {
    await stack.control.stop('openbao');
    const { code, out } = await patient.doctor().finally(() => stack.control.start('openbao'));
    await stack.vaultFaults.unseal();
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        '✗ Vault: http://ADDRESS: Vault cannot be reached (ECONNREFUSED)\n    start it, or correct vaultAddress: kubectl --namespace vault-injector edit configmap configuration',
      ],
    ]);
  });

  test('a capability is missing', async () => {
    const policy = await patient.policy();
    const less = policy.replace('capabilities = ["create", "read", "update"]', 'capabilities = ["read"]');
    await addPolicy(stack.vault, patient.strict.roleOf('renewal'), less);
    const { code, out } = await patient.doctor();
    await addPolicy(stack.vault, patient.strict.roleOf('renewal'), policy);
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        `✗ rights of renewal in Vault: missing: create, update on vault-injector/data/PREFIX-sweep/*\n    LEDGER_PREFIX=PREFIX LEDGER_MOUNT=vault-injector AUTH_PATH=pgsql2-dv-kubernetes1-dv-par5 DATABASE_MOUNTS=PREFIX AUDIENCE=vault POLICY_PREFIX=PREFIX TOKEN_BOUND_CIDRS=127.0.0.0/8 knative/vault/set-up.sh # rewrites everything: add all other variables of the first run, or their settings are lost: APPLICATION_POLICIES, APPROLE_PATH, and DATABASE_MOUNTS that no pod uses now`,
      ],
    ]);
  });

  describe('the ledger', () => {
    const mount = 'vault-injector';
    const lines = (out: string) => wrongIn(out).filter((line) => line.includes("the ledger's"));
    /** Shared by all tests: restored at once. */
    async function withConfig(config: object, back: object): Promise<{ code: number; out: string }> {
      await stack.vault.call('POST', `${mount}/config`, config);
      return patient.doctor().finally(() => stack.vault.call('POST', `${mount}/config`, back));
    }

    test('deletes what is written to it', async () => {
      const { code, out } = await withConfig({ delete_version_after: '24h' }, { delete_version_after: '0s' });
      expect([code, lines(out)]).toEqual([
        1,
        [
          expect.stringMatching(
            /^✗ the ledger's settings: vault-injector deletes what is written to it after 24h0m0s .*\n {4}vault write vault-injector\/config delete_version_after=0s/,
          ),
        ],
      ]);
    });

    test('takes records only by check-and-set', async () => {
      const { code, out } = await withConfig({ cas_required: true }, { cas_required: false });
      expect([code, lines(out)]).toEqual([
        1,
        [expect.stringMatching(/cas_required.*\n {4}vault write vault-injector\/config cas_required=false$/)],
      ]);
    });

    test('has a record that Vault will delete, which nobody needs a token to see', async () => {
      const pod = await patient.strict.fleet.pod();
      const path = `${mount}/metadata/${patient.strict.ledgerPrefix}/${pod.uuid}`;
      await stack.vault.call('POST', path, { delete_version_after: '24h' });
      await patient.strict.fleet.write(pod.uuid, await patient.strict.fleet.record(pod.uuid));
      const { code, out } = await patient.doctor({ VAULT_TOKEN: '' });
      await stack.vault.call('POST', path, { delete_version_after: '0s' });
      await patient.strict.fleet.write(pod.uuid, await patient.strict.fleet.record(pod.uuid));
      expect([code, lines(out)]).toEqual([
        1,
        [
          expect.stringMatching(
            /1 of the 1 youngest records will be deleted by Vault itself, .*\n.*-delete-version-after=/,
          ),
        ],
      ]);
      expect(lines((await patient.doctor({ VAULT_TOKEN: '' })).out)).toEqual([]);
      await deletePod(pod);
    });
  });

  test('an engine is not named in the policy', async () => {
    const policy = await patient.policy();
    const less = policy.replaceAll(`,"${patient.mount}/creds/*"`, '');
    await addPolicy(stack.vault, patient.strict.roleOf('renewal'), less);
    const { code, out } = await patient.doctor();
    await addPolicy(stack.vault, patient.strict.roleOf('renewal'), policy);
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        expect.stringMatching(
          /^✗ leases of all engines: those of PREFIX may not be renewed: the renewal job's policy does not name the engine\n {4}LEDGER_PREFIX=PREFIX .* DATABASE_MOUNTS='?PREFIX /,
        ),
      ],
    ]);
  });

  test('nor is one that a pod has just been given a lease of, before any sweep has seen it', async () => {
    const { strict, policy, doctor } = await openPatient();
    const less = (await policy()).replaceAll(`"${databaseMount}/creds/*",`, '');
    await addPolicy(stack.vault, strict.roleOf('renewal'), less);
    const line = async () => /^. leases of all engines: .*$/m.exec((await doctor()).out)?.[0];
    const before = await line();
    const pod = await strict.fleet.pod();
    const after = await line();
    await deletePod(pod);
    expect([before, after]).toEqual([
      expect.stringMatching(/^✓ leases of all engines: the renewal job's policy allows renewing those of/),
      `✗ leases of all engines: those of ${databaseMount} may not be renewed: the renewal job's policy does not name the engine`,
    ]);
  });

  test('and the command takes nothing from an engine that pods have leases of', async () => {
    // A fleet of its own: all of its policies are rewritten.
    const { strict, mount, policy, doctor } = await openPatient();
    const pod = await strict.fleet.pod();
    await stack.sweep({ overrides: strict.keysOf('renewal') });
    const name = strict.roleOf('renewal');
    await addPolicy(stack.vault, name, (await policy()).replace('"list"', '"read"'));
    // Nobody gives doctor a token: admission may read its own role.
    const { out } = await doctor({ VAULT_TOKEN: '' });
    const [, command = ''] = /^ {4}(LEDGER_PREFIX=.*set-up\.sh.*)/m.exec(out) ?? [];
    expect(command).toContain(`DATABASE_MOUNTS='${mount} ${databaseMount}'`);
    // The roles' names are fixed, and those of the stack are others' too.
    await stack.vault.call('POST', `sys/auth/${name}`, { type: 'kubernetes' });
    await execa('sh', ['-c', command.replace(/AUTH_PATH=\S+/, `AUTH_PATH=${name}`)], {
      cwd: projectRoot,
      env: {
        VAULT_CLI: await findOrInstall('bao', () => {}),
        VAULT_ADDR: openBao.address,
        VAULT_TOKEN: stack.description.vault.rootToken,
      },
    });
    await deletePod(pod);
    const { report } = await sweepIn(AFTER_GRACE, strict.fleet, { keys: strict.keysOf('renewal') });
    expect([report.revoked, await canLogIn(pod)]).toEqual([1, false]);
    const { data } = v.parse(Policy, await stack.vault.call('GET', `sys/policies/acl/${name}`));
    for (const engine of [mount, databaseMount]) expect(data.policy).toContain(`"${engine}/creds/*"`);
  });

  test('a policy of before does not let it ask for its capabilities', async () => {
    const policy = await patient.policy();
    await addPolicy(
      stack.vault,
      patient.strict.roleOf('renewal'),
      policy.replace('sys/capabilities-self', 'sys/other'),
    );
    const { code, out } = await patient.doctor();
    await addPolicy(stack.vault, patient.strict.roleOf('renewal'), policy);
    expect([code, wrongIn(out)]).toEqual([
      0,
      [
        expect.stringMatching(
          /^\? rights of renewal in Vault: could not be checked: .*sys\/capabilities-self\n.*set-up\.sh #/,
        ),
      ],
    ]);
  });

  test('a process may not log in', async () => {
    const path = `auth/pgsql2-dv-kubernetes1-dv-par5/role/${patient.strict.roleOf('revocation')}`;
    const Role = v.object({ data: v.record(v.string(), v.unknown()) });
    const { data } = v.parse(Role, await stack.vault.call('GET', path));
    await stack.vault.call('POST', path, { ...data, bound_service_account_names: ['somebody-else'] });
    const { code, out } = await patient.doctor();
    await stack.vault.call('POST', path, data);
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        expect.stringMatching(
          /^✗ login of revocation: Vault does not let .*\n {4}LEDGER_PREFIX=.*set-up\.sh #/,
        ),
      ],
    ]);
  });

  test("a role's leases are shorter than two intervals", async () => {
    await patient.role(300);
    const { code, out } = await patient.doctor();
    await patient.role(3600);
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        '✗ database roles: leases of PREFIX/orders-rw 300 s are shorter than two sync intervals (600 s)\n    vault write PREFIX/roles/orders-rw default_ttl=600s, or shorten syncTTLSecond and the schedule',
      ],
    ]);
  });

  test('a mount is not there, and whether it is cannot be told', async () => {
    const file = await configurationFile({ ...patient.keys, defaultEngine: 'nowhere' });
    const policy = await patient.policy();
    const role = patient.strict.roleOf('renewal');
    await addPolicy(stack.vault, role, policy.replaceAll(`${patient.mount}/`, 'nowhere/'));
    const { code, out } = await patient.doctor({ CONFIG_FILE: file });
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        `✗ database engines: there is no mount nowhere
    vault secrets enable -path=nowhere database, or correct defaultEngine: kubectl --namespace vault-injector edit configmap configuration`,
        '? database roles: could not be checked: see the database engines',
      ],
    ]);
    const dark = await patient.doctor({ CONFIG_FILE: file, VAULT_TOKEN: 'of-nobody' });
    await addPolicy(stack.vault, role, policy);
    expect([dark.code, wrongIn(dark.out)]).toEqual([
      0,
      [
        expect.stringMatching(/^\? database engines: nowhere: VAULT_TOKEN may not see it\n/),
        expect.stringMatching(/^\? database roles: could not be checked: VAULT_TOKEN may not read them\n/),
      ],
    ]);
  });

  test('Kourier writes down what admissions are asked by', async () => {
    const path = '/api/v1/namespaces/knative-serving/configmaps/config-kourier';
    const stored = v.parse(v.looseObject({}), await stack.kubernetes.call('GET', path));
    await stack.kubernetes.call('PUT', path, { ...stored, data: {} });
    const { code, out } = await patient.doctor();
    await stack.kubernetes.call('PUT', path, { ...stored, metadata: { name: 'config-kourier' } });
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        expect.stringMatching(
          /^✗ gateway: Kourier's access log contains the path .*\n {4}kubectl .*"enable-service-access-logging":"false".*npx vault-db-injector rotate$/,
        ),
      ],
    ]);
  });

  test('the webhook is gone', async () => {
    const folder = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
    const Stored = v.looseObject({ metadata: v.looseObject({ name: v.string() }) });
    const stored = v.parse(Stored, await stack.kubernetes.call('GET', `${folder}/vault-db-injector`));
    await stack.kubernetes.call('DELETE', `${folder}/vault-db-injector`);
    const { code, out } = await patient.doctor();
    const { resourceVersion: _, uid: __, ...metadata } = stored.metadata;
    await stack.kubernetes.call('POST', folder, { ...stored, metadata });
    await stack.restoreWebhook();
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        '✗ webhook: there is no MutatingWebhookConfiguration vault-db-injector: no pod gets credentials\n    npx vault-db-injector install',
      ],
    ]);
    expect(out).toContain('- the webhook\'s authority: skipped: needs "webhook"');
  });

  test('the CronJob is suspended', async () => {
    const path = '/apis/batch/v1/namespaces/vault-injector/cronjobs/renewal';
    const CronJob = v.looseObject({ spec: v.looseObject({}) });
    const suspend = async (value: boolean) => {
      const stored = v.parse(CronJob, await stack.kubernetes.call('GET', path));
      await stack.kubernetes.call('PUT', path, { ...stored, spec: { ...stored.spec, suspend: value } });
    };
    await suspend(true);
    const { code, out } = await patient.doctor().finally(() => suspend(false));
    expect([code, wrongIn(out)]).toEqual([
      1,
      [
        `✗ CronJob renewal: is suspended: nothing renews\n    kubectl --namespace vault-injector patch cronjob renewal --patch '{"spec":{"suspend":false}}'`,
      ],
    ]);
  });

  test('the schedule is slower than the interval', async () => {
    const file = await configurationFile({ ...patient.keys, syncTTLSecond: 60 });
    const { code, out } = await patient.doctor({ CONFIG_FILE: file });
    expect([code, wrongIn(out)[0]]).toEqual([
      1,
      `✗ schedule: the CronJob's schedule "*/5 * * * *" lets 300 s pass between two sweeps, and syncTTLSecond is 60: make them agree
    kubectl --namespace vault-injector edit configmap configuration, or kubectl --namespace vault-injector edit cronjob renewal`,
    ]);
  });

  test('the configuration has faults', async () => {
    const file = await configurationFile({ syncTTLSecond: 0, vaultAdress: 'x' });
    const { code, out } = await patient.doctor({ CONFIG_FILE: file });
    expect([code, wrongIn(out)[0]]).toEqual([
      1,
      '✗ configuration: config.yaml: vaultAdress: is not a known key; syncTTLSecond: expected at least 1\n    edit config.yaml',
    ]);
  });
});
