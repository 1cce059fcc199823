import { randomBytes } from 'node:crypto';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { Client, type ClientConfig } from 'pg';
import type { KeyPair } from './certificates.ts';
import { type PostgresPlace, placeFor, type User } from './postgres-place.ts';
import type { Part } from './process/launch.ts';
import { freePort } from './process/ports.ts';
import type { Processes } from './process/processes.ts';

export type Postgres = { part: Part; port: number; superuser: string; password: string; url: string };

const superuser = 'postgres';

const idOf = async (flag: '-u' | '-g', name: string): Promise<number> =>
  Number((await execa('id', [flag, name])).stdout);

/** PostgreSQL refuses to run as root, and asks only for a user that is not. */
const unprivilegedUser = async (): Promise<User | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: await idOf('-u', name), gid: await idOf('-g', name) };
    } catch {
      // No such user here.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody');
};

const initialise = async (place: PostgresPlace, password: string, user: User | undefined): Promise<void> => {
  const { programs, data } = place;
  await mkdir(data, { mode: 0o700 });
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) {
    await chown(data, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const args = ['-D', data, '-U', superuser, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'];
  try {
    await execa(join(programs, 'initdb'), [...args, '-E', 'UTF8', '--locale=C', '--no-sync'], {
      ...user,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
};

/** The data need not survive a power cut: nothing waits for the disk. */
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'max_connections=200',
  'shared_buffers=32MB',
  'log_connections=off',
];

const secured = async (
  { data }: PostgresPlace,
  { certificate, key }: KeyPair,
  user: User | undefined,
): Promise<string[]> => {
  const [certFile, keyFile] = [join(data, 'server.crt'), join(data, 'server.key')];
  await writeFile(certFile, certificate);
  await writeFile(keyFile, key, { mode: 0o600 });
  if (user !== undefined) await chown(keyFile, user.uid, user.gid);
  return ['ssl=on', `ssl_cert_file=${certFile}`, `ssl_key_file=${keyFile}`];
};

/**
 * Starts a new PostgreSQL server with its log, and its data where it can be, below `folder`.
 *
 * @param tls absent: it has none.
 */
export const startPostgres = async (
  processes: Processes,
  folder: string,
  tls?: KeyPair,
): Promise<Postgres> => {
  const password = randomBytes(12).toString('hex');
  const user = await unprivilegedUser();
  await mkdir(folder, { recursive: true });
  const place = await placeFor(user, folder);
  await initialise(place, password, user);

  const all = tls === undefined ? settings : [...settings, ...(await secured(place, tls, user))];
  const port = await freePort();
  const url = `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`;
  const part = await processes.start('storage', {
    name: 'postgres',
    command: join(place.programs, 'postgres'),
    args: ['-D', place.data, '-p', String(port), ...all.flatMap((setting) => ['-c', setting])],
    address: `127.0.0.1:${port}`,
    logFile: join(folder, 'postgres.log'),
    user,
    // Ends the clients' connections, where SIGTERM would wait for them.
    stopSignal: 'SIGINT',
    ready: async () => {
      await query(url, 'SELECT 1');
      return true;
    },
  });
  return { part, port, superuser, password, url };
};

/** Runs one statement on a connection of its own. */
export const query = async (
  where: string | ClientConfig,
  statement: string,
  values: readonly string[] = [],
): Promise<readonly unknown[]> => {
  const client = new Client(typeof where === 'string' ? { connectionString: where } : where);
  await client.connect();
  try {
    return (await client.query(statement, [...values])).rows;
  } finally {
    await client.end();
  }
};
