/** A PostgreSQL server of a test's own, with an engine and roles in Vault, which can be hung: it takes connections, and answers nobody. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll } from 'vitest';
import { stackRoot } from '../../stack/paths.ts';
import { query, startPostgres } from '../../stack/postgres.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { addAuthRole, addPolicy } from '../../stack/vault/roles.ts';
import { exampleAccount, exampleNamespace, stack } from './stack.ts';

const Users = v.array(v.object({ rolname: v.string() }));

/** @param mount of its engine; also the name of its one role. Ends with the test file. */
export async function startSecondDatabase(mount: string) {
  const processes = createProcesses();
  const postgres = await startPostgres(processes, join(stackRoot, `e2e-${mount}-${process.pid}`));
  const password = randomBytes(12).toString('hex');
  await query(postgres.url, `CREATE ROLE "vault" WITH LOGIN CREATEROLE PASSWORD '${password}'`);
  await stack.vault.call('POST', `sys/mounts/${mount}`, { type: 'database' });
  await stack.vault.call('POST', `${mount}/config/${mount}`, {
    plugin_name: 'postgresql-database-plugin',
    connection_url: `postgres://{{username}}:{{password}}@127.0.0.1:${postgres.port}/postgres?sslmode=disable`,
    username: 'vault',
    password,
    username_template: '{{.RoleName}}-{{random 12}}',
    allowed_roles: ['*'],
    max_open_connections: 10,
  });
  await stack.vault.call('POST', `${mount}/roles/${mount}`, {
    db_name: mount,
    default_ttl: 3600,
    creation_statements: [`CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}'`],
    revocation_statements: ['DROP ROLE "{{name}}"'],
  });
  const capabilities = '{ capabilities = ["read", "update"] }';
  const policy = [`${mount}/creds/${mount}`, 'sys/leases/revoke'].map(
    (path) => `path "${path}" ${capabilities}`,
  );
  await addPolicy(stack.vault, mount, policy.join('\n'));
  await addAuthRole(stack.vault, {
    name: mount,
    serviceAccounts: [exampleAccount],
    namespaces: [exampleNamespace],
    policies: [mount],
  });

  async function signal(name: NodeJS.Signals): Promise<void> {
    for (const pid of await familyOf(postgres.part.pid)) {
      try {
        process.kill(pid, name);
      } catch {
        // One that served a connection has just ended.
      }
    }
  }
  const wake = () => signal('SIGCONT');
  afterAll(async () => {
    await wake();
    // Vault would go on asking a server that is gone.
    await stack.vault.ask('POST', `sys/leases/revoke-force/${mount}`);
    await stack.vault.ask('DELETE', `sys/mounts/${mount}`);
    await processes.stop();
  });
  return {
    mount,
    /** The given users that it knows. */
    async usersLeft(users: readonly string[]): Promise<string[]> {
      const rows = v.parse(Users, await query(postgres.url, 'SELECT rolname FROM pg_roles'));
      return users.filter((user) => rows.some(({ rolname }) => rolname === user));
    },
    hang: () => signal('SIGSTOP'),
    wake,
  };
}

/** A server and the processes that serve its connections: each of those leads a group of its own. */
async function familyOf(server: number): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      return [pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const;
    }),
  );
  return [server, ...parents.flatMap(([pid, parent]) => (parent === server ? [pid] : []))];
}
