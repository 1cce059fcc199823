/** What stands in `examples/`, as it stands there: names of hosts and images are those of the project's own cluster. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { projectRoot } from '../../stack/paths.ts';
import type { Step } from '../step.ts';
import { apply, cli, kubectl, removeAt, sql, usersOf, type World, waitFor } from '../world.ts';
import { setUpProduct } from './install.ts';

const DATABASE = 'dbname';
const WORKSHOP = 'workshop';
const TEAM = 'team-infrastructure';
const example = (name: string) => readFile(join(projectRoot, 'examples', name), 'utf8');

const vaultOf = ({ env }: World) => ['--vault-address', String(env['VAULT_ADDR']), '--yes'];

/** Makes the namespace. @throws where it or the database is somebody's already: the run would take it away in the end. */
async function begin(world: World, namespace: string, database: string): Promise<void> {
  const found = await sql(world, `SELECT 1 FROM pg_database WHERE datname = '${database}'`);
  if (found.length > 0) throw new Error(`there is a database ${database} already`);
  await kubectl(world, 'create', 'namespace', namespace);
}

interface SetUp {
  readonly namespace: string;
  readonly database: string;
  /** Where it is the run's own. */
  readonly mount?: string;
  /** Policies and auth roles. */
  readonly apps: readonly string[];
}

/** Takes away what `setup` and the manifests have made, on the project's own cluster. */
async function removeSetUp(world: World, { namespace: name, database, mount, apps }: SetUp): Promise<void> {
  await kubectl(world, 'delete', 'namespace', name, '--ignore-not-found', '--timeout=120s');
  const inEngine = mount
    ? [`sys/mounts/${mount}`]
    : [`databases/roles/${database}`, `databases/config/${database}`];
  const ofApps = apps.flatMap((app) => [`auth/kubernetes/role/${app}`, `sys/policies/acl/${app}`]);
  for (const path of [...inEngine, ...ofApps]) await removeAt(world, path);
  await sql(world, `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
  for (const role of [`${database}_grp`, `admin_${database}`])
    await sql(world, `DROP ROLE IF EXISTS "${role}"`);
}

export const walkthrough: Step = {
  title: 'The application of the walkthrough, from its own manifests: two pods, two users, in either mode',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await begin(world, WORKSHOP, WORKSHOP);
    world.undo.push(() =>
      removeSetUp(world, { namespace: WORKSHOP, database: WORKSHOP, apps: [`${WORKSHOP}-notes`] }),
    );
    await world.own?.buildExample('application', 'notes:1');
    const server = `${world.env['PGHOST']}:${world.env['PGPORT']}`;
    await cli(world, 'setup', 'database', WORKSHOP, '--server', server, ...vaultOf(world));
    const app = ['--namespace', WORKSHOP, '--service-account', 'notes', '--role', WORKSHOP];
    await cli(world, 'setup', 'app', ...app, ...vaultOf(world));
    await sql(world, 'CREATE TABLE notes (id serial PRIMARY KEY, what text)', { database: WORKSHOP });
    await sql(world, `INSERT INTO notes (what) VALUES ('made by hand')`, { database: WORKSHOP });
    for (const name of ['uri.yaml', 'classic.yaml']) await apply(world, await example(`application/${name}`));
    const users: string[] = [];
    for (const name of ['notes', 'notes-classic']) {
      const rollout = ['rollout', 'status', `deployment/${name}`, `--namespace=${WORKSHOP}`];
      await kubectl(world, ...rollout, '--timeout=120s');
      users.push(...(await usersOfApplication(world, name)));
    }
    if (new Set(users).size !== 4) throw new Error(`four users were expected: ${users.join(', ')}`);
    const before = await usersOf(world);
    await kubectl(world, 'delete', 'deployments', '--all', `--namespace=${WORKSHOP}`, '--wait=false');
    const dropped = async () => (await usersOf(world)).length === before.length - 4;
    await waitFor('their users are dropped', dropped, 60_000);
    return {};
  },
};

const Answer = v.object({ user: v.string(), notes: v.array(v.string()) });

async function usersOfApplication(world: World, app: string): Promise<string[]> {
  const selector = `--selector=app=${app}`;
  const pods = await kubectl(world, 'get', 'pods', `--namespace=${WORKSHOP}`, selector, '--output=name');
  return Promise.all(
    pods
      .trim()
      .split('\n')
      .map(async (pod) => {
        const path = `/api/v1/namespaces/${WORKSHOP}/pods/${pod.replace('pod/', '')}:3000/proxy/`;
        return v.parse(Answer, JSON.parse(await kubectl(world, 'get', '--raw', path))).user;
      }),
  );
}

const ROLES = ['gule-rw', 'other-rw'] as const;
const MOUNT = 'pgsql2-dv';

export const pods: Step = {
  title: 'The pods of examples/ log in, each as a user of its own, and leave none',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await begin(world, TEAM, DATABASE);
    world.undo.push(() =>
      removeSetUp(world, { namespace: TEAM, database: DATABASE, mount: MOUNT, apps: ROLES }),
    );
    const before = (await usersOf(world)).length;
    const account = 'vault-pgsql-example';
    await apply(
      world,
      `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: ${account}, namespace: ${TEAM} }\n`,
    );
    const server = ['--server', `${world.env['PGHOST']}:${world.env['PGPORT']}`];
    for (const role of ROLES) {
      const engine = ['--mount', MOUNT, '--role', role];
      await cli(world, 'setup', 'database', DATABASE, ...engine, ...server, ...vaultOf(world));
      const app = ['--namespace', TEAM, '--service-account', account, '--name', role];
      await cli(world, 'setup', 'app', ...app, ...engine, ...vaultOf(world));
    }
    await setUpProduct(world, { mounts: ['databases', MOUNT] });
    const names = ['classic', 'uri', 'two-databases'];
    for (const name of names) await apply(world, await example(`${name}.yaml`));
    const phase = '--for=jsonpath={.status.phase}=Succeeded';
    for (const name of names)
      await kubectl(world, 'wait', phase, `pod/${name}`, `--namespace=${TEAM}`, '--timeout=90s');
    const logs = await Promise.all(
      names.map((name) => kubectl(world, 'logs', `pod/${name}`, `--namespace=${TEAM}`)),
    );
    const users = new Set(logs.join('\n').match(/^ v-\S+/gm));
    if (users.size !== 4) throw new Error(`four users were expected:\n${logs.join('\n')}`);
    await kubectl(world, 'delete', 'pods', '--all', `--namespace=${TEAM}`);
    await waitFor('their users are dropped', async () => (await usersOf(world)).length === before, 60_000);
    return {};
  },
};
