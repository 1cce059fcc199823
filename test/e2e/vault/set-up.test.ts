/** The ways in which an operator gets the policies into Vault: a script, and a Terraform module that says the same. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { findOrInstall } from '../../stack/install/index.ts';
import { projectRoot } from '../../stack/paths.ts';
import { query } from '../../stack/postgres.ts';
import { appRolePath, databaseMount, secretName } from '../../stack/vault/names.ts';
import { fillIn, processPolicy } from '../../stack/vault/policies.ts';
import { addAppRole, addPolicy } from '../../stack/vault/roles.ts';
import { openFleet } from '../support/fleet.ts';
import { deletePod } from '../support/fleet-state.ts';
import { databaseUri } from '../support/postgres.ts';
import { openBao, stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const names = ['admission', 'renewal', 'revocation', 'approle'] as const;
const knative = join(projectRoot, 'knative');
const Policy = v.object({ data: v.object({ policy: v.string() }) });
const Role = v.object({ data: v.record(v.string(), v.unknown()) });

test('the script writes a policy and a role for each process, and may be run again', async () => {
  await stack.vault.call('POST', 'sys/auth/scripted', { type: 'kubernetes' });
  const env = {
    PATH: process.env['PATH'],
    VAULT_CLI: await findOrInstall('bao', () => {}),
    VAULT_ADDR: openBao.address,
    VAULT_TOKEN: stack.description.vault.rootToken,
    AUTH_PATH: 'scripted',
    LEDGER_MOUNT: secretName,
    LEDGER_PREFIX: 'scripted-cluster',
    DATABASE_MOUNTS: `${databaseMount} databases`,
    APPLICATION_POLICIES: 'gule-rw other-rw',
    POLICY_PREFIX: 'scripted',
    TOKEN_BOUND_CIDRS: '10.0.0.0/8,127.0.0.0/8',
    APPROLE_PATH: appRolePath,
  };
  const setUp = () => execa(join(knative, 'vault/set-up.sh'), { env, extendEnv: false });
  await setUp();
  await setUp();
  for (const name of names) {
    const { data } = v.parse(Policy, await stack.vault.call('GET', `sys/policies/acl/scripted-${name}`));
    const expected = await processPolicy(name, {
      authPath: 'scripted',
      ledgerPrefix: 'scripted-cluster',
      applicationPolicies: ['gule-rw', 'other-rw'],
    });
    expect(data.policy).toBe(expected);
    const role = await stack.vault.call('GET', `auth/scripted/role/vault-db-injector-${name}`);
    expect(v.parse(Role, role).data).toMatchObject({
      bound_service_account_names: [`vault-db-injector-${name}`],
      bound_service_account_namespaces: ['vault-injector'],
      audience: 'vault',
      token_ttl: 3600,
      token_policies: [`scripted-${name}`],
      token_no_default_policy: true,
      token_bound_cidrs: ['10.0.0.0/8', '127.0.0.0/8'],
    });
  }
});

test('the script writes nothing for AppRoles where their mount is not named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'set-up-'));
  const said = join(folder, 'said');
  // A command line client that writes down what it is asked.
  await writeFile(join(folder, 'vault'), `#!/bin/sh\necho "$@" >> ${said}\n`, { mode: 0o755 });
  const env = { PATH: `${folder}:${process.env['PATH']}`, LEDGER_PREFIX: 'x', DATABASE_MOUNTS: 'databases' };
  await execa(join(knative, 'vault/set-up.sh'), { env, extendEnv: false });
  const asked = await readFile(said, 'utf8');
  expect(asked).toContain('policy write vault-db-injector-revocation');
  expect(asked).not.toContain('approle');
  await rm(folder, { recursive: true });
});

test('the script says what it has to be told', async () => {
  const run = execa(join(knative, 'vault/set-up.sh'), {
    env: { PATH: process.env['PATH'] },
    extendEnv: false,
  });
  await expect(run).rejects.toThrow(
    /LEDGER_PREFIX: where the cluster has its folder.*\n {2}DATABASE_MOUNTS: the mounts/,
  );
});

test('the script names what Vault lacks, with what makes it, before it writes anything', async () => {
  const program = await findOrInstall('bao', () => {});
  const env = {
    PATH: process.env['PATH'],
    VAULT_CLI: program,
    VAULT_ADDR: openBao.address,
    VAULT_TOKEN: stack.description.vault.rootToken,
    AUTH_PATH: 'not-there',
    LEDGER_MOUNT: 'nor-this',
    LEDGER_PREFIX: 'x',
    DATABASE_MOUNTS: 'databases',
    POLICY_PREFIX: 'never-written',
  };
  const options = { env, extendEnv: false, reject: false } as const;
  const { exitCode, stderr } = await execa(join(knative, 'vault/set-up.sh'), options);
  expect(exitCode).toBe(1);
  const made = stderr.split('\n').flatMap((line) => /^ {4}(.*)$/.exec(line)?.[1] ?? []);
  expect(made).toHaveLength(3);
  await expect(stack.vault.call('GET', 'sys/policies/acl/never-written-admission')).rejects.toThrow('404');
  for (const command of made)
    await execa('sh', ['-c', command.replace('https://…', 'https://127.0.0.1:1')], options);
  expect((await execa(join(knative, 'vault/set-up.sh'), options)).exitCode).toBe(0);
  await stack.vault.call('GET', 'sys/policies/acl/never-written-admission');
});

/** A block of main.tf: the text in `name { … }`, or `name = { … }`. */
const blockIn = (text: string, head: RegExp): string => {
  const [found = ''] = new RegExp(`^ *${head.source} (?:= )?\\{[\\s\\S]*?^ *\\}`, 'm').exec(text) ?? [];
  return found;
};
const keysIn = (block: string): string[] =>
  [...block.replace(/^.*/, '').matchAll(/^ +(\w+) +=/gm)].map(([, key = '']) => key);

test('the Terraform module fills in every variable of the policies, and writes the same roles as the script', async () => {
  const main = await readFile(join(knative, 'terraform/main.tf'), 'utf8');
  const given = keysIn(blockIn(main, /values/)).toSorted();
  const files = await readdir(join(knative, 'vault'));
  const templates = await Promise.all(
    files
      .filter((file) => file.endsWith('.hcl'))
      .map((file) => readFile(join(knative, 'vault', file), 'utf8')),
  );
  const used = templates.join('\n').matchAll(/\$\{(\w+)\}/g);
  expect([...new Set([...used].map(([, name]) => name))].toSorted()).toEqual(given);
  // What else Terraform would take for a template's.
  expect(templates.join('\n').replaceAll(/\$\{\w+\}/g, '')).not.toMatch(/[$%]\{/);

  const script = await readFile(join(knative, 'vault/set-up.sh'), 'utf8');
  const [, write = ''] = script.split(' write "auth/');
  const roleKeys = [...write.matchAll(/^ {4}(\w+)=/gm)].map(([, key]) => key);
  const role = blockIn(main, /resource "vault_kubernetes_auth_backend_role" "process"/);
  const terraforms = keysIn(role).filter((key) => !['for_each', 'backend', 'role_name'].includes(key));
  expect(terraforms.toSorted()).toEqual(roleKeys.toSorted());
});

test('every variable of the Terraform module is declared, and every declared one is used', async () => {
  for (const folder of ['terraform', 'terraform/application']) {
    const files = (await readdir(join(knative, folder))).filter((file) => file.endsWith('.tf'));
    const texts = await Promise.all(files.map((file) => readFile(join(knative, folder, file), 'utf8')));
    const names = (pattern: RegExp) =>
      [...new Set([...texts.join('\n').matchAll(pattern)].map(([, name]) => name))].toSorted();
    expect(names(/\bvar\.(\w+)/g)).toEqual(names(/^variable "(\w+)"/gm));
  }
});

test("the policy that the module gives an application lets its pods' users be dropped, and says why not", async () => {
  const name = 'terraformed-rw';
  const main = await readFile(join(knative, 'terraform/application/main.tf'), 'utf8');
  const [, heredoc = ''] = /<<-EOT\n([\s\S]*?) *EOT/.exec(main) ?? [];
  const template = heredoc.replaceAll('${var.', '${');
  const creationStatements = [
    `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE "demo-rw";`,
  ];
  await addAppRole(stack.vault, { name, creationStatements });
  await addPolicy(stack.vault, name, fillIn(template, { database_mount: databaseMount, name }));

  const fleet = await openFleet();
  const [pod, other] = await fleet.pods(2, { role: name });
  if (!pod || !other) throw new Error('there are no pods');
  await query(databaseUri(pod.user, pod.password), 'CREATE TABLE "of a terraformed role" (id int)');
  await Promise.all([deletePod(pod), deletePod(other)]);
  const { report, log } = await sweepIn(AFTER_GRACE, fleet);
  expect([report.revoked, report.pending]).toEqual([1, 1]);
  expect(log.map(({ message }) => message).join('\n')).toContain('some objects depend on it');
  await query(stack.description.databaseUrl, 'DROP TABLE "of a terraformed role"');
});
