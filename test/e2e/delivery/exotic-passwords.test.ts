/** Passwords with everything that a syntax treats specially: applications log in with templates and files all the same. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { query } from '../../stack/postgres.ts';
import { databaseMount } from '../../stack/vault/names.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { expectNothingNewSince, readRecord, takeCensus } from '../support/census.ts';
import { secretOf } from '../support/pod-secrets.ts';
import { createPod, environmentOf, podWith, type StoredPod, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { stack } from '../support/stack.ts';

// All of ASCII's punctuation, a blank, and what is beyond ASCII.
const SPECIAL = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~ äß€`;
const run = promisify(execFile);
const { hostname, port, host } = new URL(stack.description.databaseUrl);
const annotations = { 'orders.role': 'special' };

beforeAll(async () => {
  await stack.vault.call('PUT', 'sys/policies/password/special', {
    policy: `length = 100\nrule "charset" { charset = ${JSON.stringify(`${SPECIAL}ab1`)} }`,
  });
  await query(stack.description.databaseUrl, `CREATE ROLE special_vault LOGIN CREATEROLE PASSWORD 'special'`);
  await stack.vault.call('POST', `${databaseMount}/config/special`, {
    plugin_name: 'postgresql-database-plugin',
    connection_url: `postgres://{{username}}:{{password}}@${host}/postgres?sslmode=disable`,
    username: 'special_vault',
    password: 'special',
    allowed_roles: ['special'],
    password_policy: 'special',
  });
  await addAppRole(stack.vault, { name: 'special' });
  await stack.vault.call('POST', `${databaseMount}/roles/special`, {
    db_name: 'special',
    default_ttl: 3600,
    // Vault replaces the text as it is: only dollar quotes hold every password.
    creation_statements: [
      `CREATE ROLE "{{name}}" LOGIN PASSWORD $pw\${{password}}$pw$ VALID UNTIL '{{expiration}}'`,
    ],
  });
});

/** What psql answers who the user is. @param environment beside PATH. */
async function askPsql(
  environment: Readonly<Record<string, string>>,
  connection: readonly string[] = [],
): Promise<string> {
  const { stdout } = await run(
    'psql',
    [
      '--no-psqlrc',
      '--no-password',
      '--tuples-only',
      '--no-align',
      '--command=SELECT session_user',
      ...connection,
    ],
    {
      env: { PATH: process.env['PATH'], ...environment },
    },
  );
  return stdout.trim();
}

const userOf = async (pod: StoredPod) => (await readRecord(uuidsOf(pod)[0] ?? '')).UserName;

describe('variables', () => {
  test.each([
    [
      'a URI',
      { 'orders.mode': 'uri', 'orders.env-key-uri': 'IT', 'orders.template': `postgres://${host}/postgres` },
    ],
    [
      "the newer reference's placeholders",
      {
        'orders.mode': 'uri',
        'orders.env-key-uri': 'IT',
        'orders.template': `postgres://{{user}}:{{password}}@${host}/postgres`,
      },
    ],
    [
      'placeholders in the query',
      { 'orders.template-IT': `postgresql://${host}/postgres?user={{user}}&password={{password}}` },
    ],
    [
      "libpq's keywords",
      {
        'orders.template-IT': `host=${hostname} port=${port} dbname=postgres user={{user|libpq}} password={{password|libpq}}`,
      },
    ],
    [
      "keywords with the template's quotes",
      {
        'orders.template-IT': `host=${hostname} port=${port} dbname=postgres user='{{user|libpq}}' password='{{password|libpq}}'`,
      },
    ],
  ])('%s: psql logs in', async (_, asked) => {
    const pod = await createPod(podWith({ ...annotations, ...asked }));
    const { IT = '', ...others } = environmentOf(pod);
    expect(others).toEqual({});
    expect(await askPsql({}, [IT])).toBe(await userOf(pod));
  });

  test('user and password, as they are', async () => {
    const pod = await createPod(
      podWith({
        ...annotations,
        'orders.env-key-dbuser': 'PGUSER',
        'orders.env-key-dbpassword': 'PGPASSWORD',
      }),
    );
    const { PGUSER = '', PGPASSWORD = '' } = environmentOf(pod);
    expect([...SPECIAL].filter((one) => PGPASSWORD.includes(one)).length).toBeGreaterThan(20);
    expect(
      await askPsql({ PGUSER, PGPASSWORD, PGHOST: hostname, PGPORT: port, PGDATABASE: 'postgres' }),
    ).toBe(PGUSER);
  });

  test('of a template without an escape: denied, with what to write, and nothing stays', async () => {
    const before = await takeCensus();
    const { refusal = '' } = await tryCreatePod(
      podWith({ ...annotations, 'orders.template-IT': 'user={{user}} password={{password}}' }),
    );
    expect(refusal).toContain(
      'the password that Vault issued has characters that need an escape: expected {{password|…}} with one of uri, libpq',
    );
    await expectNothingNewSince(before);
  });
});

const Volumes = v.object({
  volumes: v.array(
    v.object({
      secret: v.optional(
        v.object({
          items: v.array(v.object({ key: v.string(), path: v.string(), mode: v.optional(v.number()) })),
        }),
      ),
    }),
  ),
});

describe('files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'files-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Writes the files of the volume as the kubelet would: the stack has no kubelet. */
  async function mounted(pod: StoredPod): Promise<void> {
    const data = (await secretOf({ uuids: uuidsOf(pod) }))?.data ?? {};
    for (const { secret } of v.parse(Volumes, pod.spec).volumes)
      for (const { key, path, mode = 0o444 } of secret?.items ?? [])
        await writeFile(join(folder, path), Buffer.from(data[key] ?? '', 'base64'), { mode });
  }
  const at = { PGHOST: hostname, PGPORT: port, PGDATABASE: 'postgres' };

  test('.pgpass: psql logs in', async () => {
    const pod = await createPod(podWith({ ...annotations, 'orders.file-a': '/app/db/.pgpass' }));
    await mounted(pod);
    const user = await userOf(pod);
    expect(await askPsql({ ...at, PGUSER: user, PGPASSFILE: join(folder, '.pgpass') })).toBe(user);
  });

  test('pg_service.conf: psql logs in, or the pod is denied for a blank at an end of the password', async () => {
    for (;;) {
      const { pod, refusal = '' } = await tryCreatePod(
        podWith({ ...annotations, 'orders.file-a': '/app/db/pg_service.conf' }),
      );
      if (!pod) {
        expect(refusal).toContain('that cannot be written for "pgservice"');
        continue;
      }
      await mounted(pod);
      const service = { ...at, PGSERVICEFILE: join(folder, 'pg_service.conf') };
      expect(await askPsql(service, ['service=orders'])).toBe(await userOf(pod));
      return;
    }
  });

  test('.env: a shell reads it, and psql logs in', async () => {
    const pod = await createPod(podWith({ ...annotations, 'orders.file-a': '/app/db/x.env' }));
    await mounted(pod);
    const { stdout } = await run('sh', [
      '-c',
      '. "$0"; printf "%s\\n%s" "$DBUSER" "$DBPASSWORD"',
      join(folder, 'x.env'),
    ]);
    const [PGUSER = '', PGPASSWORD = ''] = stdout.split('\n');
    expect(await askPsql({ ...at, PGUSER, PGPASSWORD })).toBe(await userOf(pod));
  });

  test("creds.json, as the workshop's application reads it", async () => {
    const pod = await createPod(podWith({ ...annotations, 'orders.file-a': '/etc/app/creds.json' }));
    expect(JSON.stringify(pod.spec)).not.toContain('password');
    await mounted(pod);
    const { stdout } = await run('jq', [
      '--raw-output',
      '.data.username, .data.password, .lease_id',
      join(folder, 'creds.json'),
    ]);
    const [PGUSER = '', PGPASSWORD = '', leaseId] = stdout.split('\n');
    expect(await askPsql({ ...at, PGUSER, PGPASSWORD })).toBe(PGUSER);
    expect(leaseId).toBe((await readRecord(uuidsOf(pod)[0] ?? '')).LeaseId);
  });
});
