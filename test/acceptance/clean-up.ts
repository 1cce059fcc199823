/**
 * Takes away what a run has made, in the cluster, in Vault and in the databases: what carries the run's id, and what its steps have
 * noted (World.undo). Others use the same Vault and the same cluster: nothing else is touched.
 */
import * as v from 'valibot';
import { removeProduct } from './steps/install.ts';
import { kubectl, sql, type World } from './world.ts';

const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const Names = v.array(v.object({ name: v.string() }));

async function removeFromVault({ vault, id }: World): Promise<void> {
  const listed = async (path: string) => {
    const { status, body } = await vault.ask('LIST', path);
    return status === 200 ? v.parse(Keys, JSON.parse(body)).data.keys : [];
  };
  for (const path of [
    'databases/roles',
    'databases/config',
    'auth/kubernetes/role',
    'sys/policies/acl',
    `vault-injector/metadata/${id}-sweep`,
  ])
    for (const key of await listed(path)) {
      if (key.startsWith(id) || path.includes(id)) await vault.ask('DELETE', `${path}/${key}`);
    }
  await vault.ask('DELETE', `sys/mounts/${id}-forgotten`);
}

async function removeFromDatabase(world: World): Promise<void> {
  await sql(world, `DROP DATABASE IF EXISTS "${world.id}" WITH (FORCE)`);
  const users = await sql(world, `SELECT rolname AS name FROM pg_roles WHERE rolname LIKE '%${world.id}%'`);
  for (const { name } of v.parse(Names, users)) await sql(world, `DROP ROLE "${name}"`);
}

/** Goes on after each failure, and tells of all. */
export async function cleanUp(world: World): Promise<string[]> {
  const failures: string[] = [];
  const remove = [
    () => world.own?.endDatabase(),
    () => kubectl(world, 'delete', 'namespace', world.id, '--ignore-not-found', '--timeout=120s'),
    () => (world.isInstalled ? removeProduct(world) : undefined),
    ...world.undo.toReversed(),
    () => removeFromVault(world),
    () => removeFromDatabase(world),
  ];
  for (const step of remove)
    try {
      await step();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  return failures;
}
