/**
 * Takes away what a run has made, in the cluster, in Vault and in the databases: what carries the run's id, and what its steps have
 * noted (World.undo). Others use the same Vault and the same cluster: nothing else is touched.
 */
import * as v from 'valibot';
import { removeProduct } from './steps/install.ts';
import { kubectl, removeAt, sql, type World } from './world.ts';

const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const Names = v.array(v.object({ name: v.string() }));

async function listed({ vault }: World, path: string): Promise<string[]> {
  const { status, body } = await vault.ask('LIST', path);
  if (status === 404) return [];
  if (status !== 200) throw new Error(`LIST ${path}: HTTP ${status}`);
  return v.parse(Keys, JSON.parse(body)).data.keys;
}

/** Leases first: without its role and its connection, Vault could drop no user any more. */
async function removeFromVault(world: World): Promise<void> {
  const { vault, id } = world;
  for (const role of await listed(world, 'databases/roles'))
    if (role.startsWith(id)) await vault.ask('PUT', `sys/leases/revoke-prefix/databases/creds/${role}`, {});
  for (const path of ['databases/roles', 'databases/config', 'auth/kubernetes/role', 'sys/policies/acl'])
    for (const key of await listed(world, path))
      if (key.startsWith(id)) await removeAt(world, `${path}/${key}`);
  for (const folder of [`vault-injector/metadata/${id}`, `vault-injector/metadata/${id}-sweep`])
    for (const key of await listed(world, folder)) await removeAt(world, `${folder}/${key}`);
  await removeAt(world, `sys/mounts/${id}-forgotten`);
}

/** Users that Vault could not drop are members of the run's group. */
async function removeFromDatabase(world: World): Promise<void> {
  await sql(world, `DROP DATABASE IF EXISTS "${world.id}" WITH (FORCE)`);
  const query = `SELECT rolname AS name FROM pg_roles WHERE rolname LIKE '%${world.id}%' OR oid IN (
    SELECT member FROM pg_auth_members JOIN pg_roles AS team ON team.oid = roleid WHERE team.rolname = '${world.id}_grp')`;
  const failures: string[] = [];
  for (const { name } of v.parse(Names, await sql(world, query)))
    await sql(world, `DROP ROLE IF EXISTS "${name}"`).catch((error: unknown) => failures.push(String(error)));
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

/** Goes on after each failure, and tells of all. */
export async function cleanUp(world: World): Promise<string[]> {
  const failures: string[] = [];
  const remove = [
    () => world.own?.endDatabase(),
    () => kubectl(world, 'delete', 'namespace', world.id, '--ignore-not-found', '--timeout=120s'),
    () => (world.isInstalled ? removeProduct(world) : undefined),
    () => removeFromVault(world),
    ...world.undo.toReversed(),
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
