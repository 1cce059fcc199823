/** PostgreSQL of Debian, with TLS, beside the cluster as its users have it. */
import { randomBytes } from 'node:crypto';
import { access, appendFile, chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../stack/wait.ts';
import { start } from './daemons.ts';
import { paths } from './paths.ts';
import { pki } from './pki.ts';
import { command } from './run.ts';
import { node, ports } from './settings.ts';

const PROGRAMS = '/usr/lib/postgresql/15/bin';

export interface Database {
  readonly name: string;
  readonly port: number;
}

/** The one that is always there; acceptance tests start a second one, and halt it. */
export const mainDatabase: Database = { name: 'postgres', port: ports.postgres };

// Kept outside a folder that only root may read: its server runs as another user.
const folderOf = ({ name }: Database) => `/var/tmp/vdi-${name}`;
const asPostgres = (...args: readonly string[]) =>
  command('setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', ...args], { cwd: '/' });

export const passwordFile = join(paths.run, 'postgres.password');

async function create(database: Database): Promise<void> {
  const folder = folderOf(database);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, source] of [
    ['server.crt', pki('vault.crt')],
    ['server.key', pki('vault.key')],
    ['password', passwordFile],
  ] as const) {
    await writeFile(join(folder, name), await readFile(source));
    await chmod(join(folder, name), 0o600);
  }
  await command('chown', ['--recursive', 'postgres:postgres', folder]);
  const data = join(folder, 'data');
  const password = `--pwfile=${join(folder, 'password')}`;
  await asPostgres(join(PROGRAMS, 'initdb'), '-D', data, '-U', 'postgres', '--auth=scram-sha-256', password);
  await rm(join(folder, 'password'));
  const settings = {
    listen_addresses: `'${node.address}'`,
    port: database.port,
    ssl: 'on',
    ssl_cert_file: `'${join(folder, 'server.crt')}'`,
    ssl_key_file: `'${join(folder, 'server.key')}'`,
    unix_socket_directories: `'${folder}'`,
    max_connections: 200,
    fsync: 'off',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
  await appendFile(join(data, 'pg_hba.conf'), 'hostssl all all 0.0.0.0/0 scram-sha-256\n');
}

export async function startDatabase(database: Database): Promise<void> {
  const isKept = await access(passwordFile).then(
    () => true,
    () => false,
  );
  if (!isKept) await writeFile(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
  const data = join(folderOf(database), 'data');
  const isThere = await access(data).then(
    () => isKept,
    () => false,
  );
  if (!isThere) await create(database);
  await start({
    name: database.name,
    command: 'setpriv',
    args: ['--reuid=postgres', '--regid=postgres', '--init-groups', join(PROGRAMS, 'postgres'), '-D', data],
  });
  const ready = ['-h', node.address, '-p', String(database.port), '-q'];
  await until(`${database.name} answers`, () =>
    command(join(PROGRAMS, 'pg_isready'), ready).then(() => true),
  );
}

export const removeDatabase = (database: Database) =>
  rm(folderOf(database), { recursive: true, force: true });
