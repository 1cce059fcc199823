/** `doctor` on the stack: all is well, for people and for programs; who may see less is told what was not seen. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { findOrInstall } from '../../stack/install/index.ts';
import { normalised, run } from '../support/command-line.ts';
import { goldenFile, openPatient, type Patient, wrongIn } from '../support/patient.ts';
import { openBao, stack } from '../support/stack.ts';

const Checks = v.object({ checks: v.array(v.object({ check: v.string(), state: v.string() })) });
let patient: Patient;

beforeAll(async () => {
  patient = await openPatient();
});

test('all is well', async () => {
  const { code, out, err } = await patient.doctor();
  expect([code, err]).toEqual([0, '']);
  await expect(normalised(out)).toMatchFileSnapshot(goldenFile('doctor-well'));
});

test('the same for programs', async () => {
  const { code, out } = await run(['doctor', '--json'], { env: patient.environment });
  const Report = v.object({
    ok: v.literal(true),
    checks: v.array(v.object({ check: v.string(), state: v.literal('ok'), detail: v.string() })),
  });
  expect([code, v.parse(Report, JSON.parse(out)).checks.length]).toEqual([0, 39]);
});

test('without a token of somebody who may read the database roles, nobody says that these are well', async () => {
  const { code, out } = await patient.doctor({ VAULT_TOKEN: '' });
  expect(code).toBe(0);
  expect(wrongIn(out)).toEqual([
    '? database engines: PREFIX: the injector may not see them\n    VAULT_TOKEN=… (a token that may read database roles)',
    '? database roles: no pod has a lease yet, and the injector may not read the roles\n    VAULT_TOKEN=… (a token that may read database roles)',
  ]);
});

test('a role that does not say how long its leases last has those of its mount', async () => {
  await patient.role(0);
  const roleLine = async () => /^. database roles: .*$/m.exec((await patient.doctor()).out)?.[0];
  const byServer = await roleLine();
  await stack.vault.call('POST', `sys/mounts/${patient.mount}/tune`, { default_lease_ttl: '2h' });
  const byMount = await roleLine();
  await patient.role(3600);
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

test('whoever may do little is told so, and nothing counts as well that could not be seen', async () => {
  const { kubeconfig } = stack.description.functions.containers['renewal'] ?? {};
  const env = { ...patient.environment, KUBECONFIG: kubeconfig ?? '', VAULT_TOKEN: '' };
  const { code, out } = await run(['doctor', '-o', 'json'], { env });
  const { checks } = v.parse(Checks, JSON.parse(out));
  const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]));
  expect(states).toMatchObject({
    'API server': 'ok',
    'login of admission': 'unknown',
    'login of revocation': 'unknown',
    'rights of renewal in the cluster': 'ok',
    'rights of events in the cluster': 'unknown',
    'CronJob renewal': 'unknown',
    // They need what is not its own to see.
    'rights of admission in Vault': 'unknown',
    schedule: 'unknown',
    "the webhook's certificate": 'unknown',
  });
  // So as a Job, too: nothing that it saw is wrong.
  expect([code, checks.filter(({ state }) => state === 'failed')]).toEqual([0, []]);
  // People are told of each right once.
  const { out: told } = await patient.doctor({ KUBECONFIG: kubeconfig ?? '', VAULT_TOKEN: '' });
  const rights = [...told.matchAll(/^\? .*cannot (\w+ resource "[^"]+")/gm)].map(([, right]) => right);
  expect(rights.length).toBeGreaterThan(2);
  expect(new Set(rights).size).toBe(rights.length);
  expect(told).toMatch(/^\? could not be checked without the right to create serviceaccounts\/token, too: /m);
});

test('in the cluster it is a Job, as docs/cli.md makes it', async () => {
  const [, commands = ''] =
    /```sh\n([^`]* create job [^`]*?)\nkubectl [^\n]* logs .*\n```/.exec(
      await readFile('docs/cli.md', 'utf8'),
    ) ?? [];
  const program = await findOrInstall('kubectl', () => {});
  await execa('sh', ['-ec', commands], {
    env: {
      PATH: `${dirname(program)}:${process.env['PATH']}`,
      KUBECONFIG: stack.description.kubernetes.kubeconfig,
    },
  });
  const job = '/apis/batch/v1/namespaces/vault-injector/jobs/doctor';
  const stored = await stack.kubernetes.call('GET', job);
  await stack.kubernetes.call('DELETE', job);
  // The CronJob's controller would warn about a Job that it owns and did not create.
  expect(stored).not.toHaveProperty('metadata.ownerReferences');
  expect(stored).toMatchObject({
    spec: {
      template: {
        spec: {
          serviceAccountName: 'vault-db-injector-renewal',
          containers: [{ args: ['vault-db-injector.cjs', 'doctor'], env: expect.any(Array) }],
        },
      },
    },
  });
});

describe('once there are grants', () => {
  const lineOf = (out: string, check: string) => new RegExp(`^. ${check}: .*$`, 'm').exec(out)?.[0];

  test('their leases tell of roles, without a token that may read these', async () => {
    await patient.strict.fleet.pod();
    await stack.sweep({ overrides: patient.strict.keysOf('renewal') });
    const { code, out } = await patient.doctor({ VAULT_TOKEN: '' });
    expect([code, lineOf(out, 'database roles'), lineOf(out, 'the ledger')]).toEqual([
      0,
      '✓ database roles: 1 in use, the shortest lease 3600 s; two sync intervals are 600 s',
      `✓ the ledger: vault-injector/${patient.strict.ledgerPrefix}: 1 record`,
    ]);
  });

  test('a sweep that has not been successful for long is named', async () => {
    const last = {
      succeededAt: Date.now() - 3_600_000,
      shortestLeaseSeconds: 3600,
      clusterId: 'x',
      shards: 1,
    };
    await stack.vault.call('POST', `vault-injector/data/${patient.strict.ledgerPrefix}-sweep/last-0`, {
      data: last,
    });
    const { code, out } = await patient.doctor({ VAULT_TOKEN: '' });
    expect([code, lineOf(out, 'last sweep')]).toEqual([
      1,
      expect.stringMatching(/^✗ last sweep: the last complete one began 36\d\d s ago \(at most 600 s\)$/),
    ]);
    expect(out).toContain('npx vault-db-injector sweep');
  });
});
