/** The cluster, Vault and PostgreSQL that the product is installed into, by what any user of theirs has. */
import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import { Client } from 'pg';
import * as v from 'valibot';
import { nodeProgram, projectRoot } from '../stack/paths.ts';
import { createVaultApi, type VaultApi } from '../stack/vault/api.ts';
import { until } from '../stack/wait.ts';

/** Where things are, by the names that command line tools know. */
export type Environment = Readonly<Record<string, string>>;

export interface World {
  readonly env: Environment;
  /** Identifies this run; part of the names of namespaces and roles. */
  readonly id: string;
  readonly vault: VaultApi;
  /** The product's image, once it is known. */
  image: string;
  /** An image with `sh` and `psql`. */
  readonly clientImage: string;
  /** Absent on other clusters than the project's own. */
  readonly own: OwnCluster | undefined;
  /** Whether the product is there by this run. */
  isInstalled: boolean;
  /** What takes away what steps have made under names that others may have, too; the last comes first. */
  readonly undo: (() => Promise<unknown>)[];
}

/** What can be done to the project's own cluster only. */
export interface OwnCluster {
  buildImage(tag: string): Promise<string>;
  /** Built from its Dockerfile in `examples/`, under the name in its manifests. */
  buildExample(folder: string, name: string): Promise<string>;
  unseal(): Promise<void>;
  restartKubelet(): Promise<void>;
  /** All containers end at once; their pods, the control plane and what is beside the cluster stay. */
  reboot(): Promise<void>;
  /** A second database server, which can be halted; @returns its port. */
  startDatabase(): Promise<number>;
  /** The second database, Vault, or the run of the renewal job. @returns whether it is there. */
  halt(what: 'database' | 'vault' | 'sweep', signal: 'SIGSTOP' | 'SIGCONT'): Promise<boolean>;
  startMonitoring(): Promise<void>;
  endDatabase(): Promise<void>;
}

/** @throws where the cluster is another one. */
export function ownOf({ own }: World): OwnCluster {
  if (!own) throw new Error('this is done on the project’s own cluster only');
  return own;
}

const Needed = v.object({
  VAULT_ADDR: v.string(),
  VAULT_TOKEN: v.string(),
  PGHOST: v.string(),
  PGPASSWORD: v.string(),
});

/** @throws where the environment does not say where Vault and PostgreSQL are. */
export function vaultIn(env: Environment): VaultApi {
  const found = v.safeParse(Needed, env);
  if (!found.success)
    throw new Error(
      'the environment has to name Vault and PostgreSQL: VAULT_ADDR, VAULT_TOKEN, PGHOST, PGPASSWORD',
    );
  const { VAULT_ADDR: address, VAULT_TOKEN: token } = found.output;
  return createVaultApi({ address, token, caFile: env['VAULT_CACERT'] });
}

export const newId = (): string => `acceptance-${randomUUID().slice(0, 6)}`;

/** @throws with the end of its output. */
export async function command(
  { env }: World,
  name: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { exitCode, all, stdout } = await execa(name, args, {
    cwd: projectRoot,
    env,
    all: true,
    reject: false,
    ...(input !== undefined && { input }),
  });
  if (exitCode === 0) return String(stdout);
  throw new Error(`${name} ${args.join(' ')}\n${String(all).trimEnd().split('\n').slice(-25).join('\n')}`);
}

export const kubectl = (world: World, ...args: readonly string[]) => command(world, 'kubectl', args);
export const apply = (world: World, manifests: string) =>
  command(world, 'kubectl', ['apply', '--filename=-'], manifests);

/** The command line, as its users have it in a clone. */
export const cli = (world: World, ...args: readonly string[]) =>
  command(world, nodeProgram, ['cli/vault-db-injector.js', ...args]);

interface Where {
  /** Port of another server than the main one. */
  readonly port?: number | undefined;
  readonly database?: string;
}

/** One row an object of the answer. */
export async function sql(
  { env }: World,
  query: string,
  { port = Number(env['PGPORT'] ?? 5432), database = 'postgres' }: Where = {},
) {
  const client = new Client({
    host: env['PGHOST'],
    port,
    user: env['PGUSER'] ?? 'postgres',
    password: env['PGPASSWORD'],
    database,
    ...(env['PGSSLMODE'] !== 'disable' && { ssl: { rejectUnauthorized: false } }),
  });
  await client.connect();
  try {
    return (await client.query(query)).rows;
  } finally {
    await client.end();
  }
}

const Rows = v.array(v.object({ rolname: v.string() }));

/** Database users that Vault has made for this run, and not dropped. */
export async function usersOf(world: World, port?: number): Promise<string[]> {
  const rows = await sql(world, `SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%' AND rolcanlogin`, {
    port,
  });
  return v.parse(Rows, rows).map(({ rolname }) => rolname);
}

/** Deletes what is there. @throws where Vault does not let it. */
export async function removeAt({ vault }: World, path: string): Promise<void> {
  const { status } = await vault.ask('DELETE', path);
  if (status >= 300 && status !== 404) throw new Error(`DELETE ${path}: HTTP ${status}`);
}

const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });

export async function recordsIn({ vault, id }: World): Promise<string[]> {
  const { status, body } = await vault.ask('LIST', `vault-injector/metadata/${id}`);
  return status === 404 ? [] : v.parse(Keys, JSON.parse(body)).data.keys;
}

// A kubectl or a connection each: more often would disturb what is measured.
const POLL_MS = 200;

/** @returns how long it took, in milliseconds. */
export async function waitFor(what: string, isSo: () => Promise<boolean>, withinMs: number): Promise<number> {
  const began = performance.now();
  await until(what, isSo, withinMs, POLL_MS);
  return performance.now() - began;
}
