/** Applications as their teams write them: a database and a role by `setup`, pods with a label and annotations. */
import * as v from 'valibot';
import { NAMESPACE } from '../product.ts';
import { type Figures, inSeconds, type Step } from '../step.ts';
import { apply, cli, kubectl, recordsIn, usersOf, type World, waitFor } from '../world.ts';

interface PodWishes {
  readonly name: string;
  readonly role: string;
  readonly mount?: string;
  readonly replicas?: number;
  /** Host of its database server. */
  readonly port?: number;
  /** What its container's shell does; else it logs in once, says as whom, and waits. */
  readonly script?: string;
}

const LOG_IN_ONCE = `trap 'exit 0' TERM
psql "$DATABASE_URL" --tuples-only --no-align --command='SELECT session_user' && touch /tmp/ok
sleep 3600 & wait`;
const indented = (text: string, by: number) => text.replaceAll('\n', `\n${' '.repeat(by)}`);

/** A Deployment whose containers log in from inside, and say as whom. */
export const deployment = (
  world: World,
  {
    name,
    role,
    mount = 'databases',
    replicas = 1,
    port = Number(world.env['PGPORT'] ?? 5432),
    script = LOG_IN_ONCE,
  }: PodWishes,
): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${world.id} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata:
      labels: { app: ${name}, vault-db-injector: 'true' }
      annotations:
        db-creds-injector.numberly.io/cluster: ${mount}
        db-creds-injector.numberly.io/app.role: ${role}
        db-creds-injector.numberly.io/app.auth-role: ${role}
        db-creds-injector.numberly.io/app.mode: uri
        db-creds-injector.numberly.io/app.template: postgres://@${world.env['PGHOST']}:${port}/${world.id}?sslmode=require
        db-creds-injector.numberly.io/app.env-key-uri: DATABASE_URL
    spec:
      serviceAccountName: app
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: ${world.clientImage}
          command: [sh, -c]
          args:
            - |
              ${indented(script, 14)}
          readinessProbe: { exec: { command: [test, -f, /tmp/ok] }, periodSeconds: 1 }
          resources: { requests: { cpu: 1m, memory: 8Mi } }
`;

/** @param within a burst, all of a Deployment's pods. */
export const available = (world: World, name: string, seconds: number) =>
  kubectl(
    world,
    'rollout',
    'status',
    `deployment/${name}`,
    `--namespace=${world.id}`,
    `--timeout=${seconds}s`,
  );

interface RoleWishes {
  /** Host of its database server. */
  readonly port?: number;
  /** More options of `setup database`. */
  readonly database?: readonly string[];
  /** Options of both that name the engine's mount. */
  readonly mount?: readonly string[];
}

/** A role of Vault's for this run's database, and the application that may have it, both by `setup`. */
export async function setUpRole(
  world: World,
  role: string,
  { port = Number(world.env['PGPORT'] ?? 5432), database = [], mount = [] }: RoleWishes = {},
): Promise<void> {
  const { id, env } = world;
  const common = ['--role', role, ...mount, '--vault-address', String(env['VAULT_ADDR']), '--yes'];
  const server = ['--server', `${env['PGHOST']}:${port}`];
  const there = { ...world, env: { ...env, PGPORT: String(port) } };
  await cli(there, 'setup', 'database', id, ...database, ...server, ...common);
  const names = ['--namespace', id, '--service-account', 'app', '--name', role];
  await cli(world, 'setup', 'app', ...names, ...common);
}

export const prepareApplication: Step = {
  title: 'A database, its role in Vault and an application that may have it',
  isShort: true,
  async run(world) {
    const { id } = world;
    await apply(world, `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${id} }\n`);
    await apply(world, `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: app, namespace: ${id} }\n`);
    await setUpRole(world, id);
    return {};
  },
};

export const oneApplication: Step = {
  title: 'Two replicas log in from inside, each as a user of its own',
  isShort: true,
  async run(world) {
    const began = performance.now();
    await apply(world, deployment(world, { name: 'two', role: world.id, replicas: 2 }));
    await available(world, 'two', 120);
    const ready = performance.now() - began;
    const logs = await kubectl(world, 'logs', `--namespace=${world.id}`, '--selector=app=two', '--tail=1');
    const users = new Set(logs.split('\n').filter((line) => line !== ''));
    if (users.size !== 2) throw new Error(`two users were expected: ${logs}`);
    const listed = await cli(world, 'list', '--namespace', world.id, ...access(world));
    for (const user of users)
      if (!listed.includes(user)) throw new Error(`list does not show ${user}:\n${listed}`);
    return { available: inSeconds(ready) };
  },
};

/** How the command line reaches Vault from here. */
const access = ({ env }: World): string[] => [
  '--vault-address',
  String(env['VAULT_ADDR']),
  ...(env['VAULT_CACERT'] ? ['--vault-ca', env['VAULT_CACERT']] : []),
];

export const deleted: Step = {
  title: 'A pod is deleted: its user is dropped within moments',
  isShort: true,
  async run(world) {
    const before = await usersOf(world);
    const began = performance.now();
    await kubectl(world, 'delete', 'deployment/two', `--namespace=${world.id}`, '--wait=false');
    await waitFor(
      'its users are dropped',
      async () => (await usersOf(world)).length === before.length - 2,
      60_000,
    );
    const dropped = performance.now() - began;
    await waitFor('its records are gone', async () => (await recordsIn(world)).length === 0, 20_000);
    return { dropped: inSeconds(dropped) };
  },
};

const Listed = v.object({ items: v.array(v.unknown()) });

/** @param pods at once, from zero instances of the function. */
export const burst = (pods: number, isShort: boolean): Step => ({
  title: `${pods} pods at once, from zero: none is lost, and nothing leaks`,
  isShort,
  async run(world) {
    try {
      return await burstFromZero(world, pods);
    } finally {
      // What it has set of the Service would be a conflict for the next installation.
      await forgetScale(world);
    }
  },
});

async function burstFromZero(world: World, pods: number): Promise<Figures> {
  const fromZero = await scaleToZero(world);
  // What an earlier step has left to the sweep may still be there, and go meanwhile.
  const usersBefore = new Set(await usersOf(world));
  const recordsBefore = new Set(await recordsIn(world));
  const newUsers = async () => (await usersOf(world)).filter((user) => !usersBefore.has(user));
  const newRecords = async () => (await recordsIn(world)).filter((uuid) => !recordsBefore.has(uuid));
  const began = performance.now();
  await apply(world, deployment(world, { name: 'many', role: world.id, replicas: pods }));
  await available(world, 'many', 240);
  const ready = performance.now() - began;
  const secrets = await kubectl(
    world,
    'get',
    'secrets',
    `--namespace=${world.id}`,
    '--selector=vault-db-injector.numberly.io/credentials=true',
    '--output=json',
  );
  const counts = [
    (await newUsers()).length,
    (await newRecords()).length,
    v.parse(Listed, JSON.parse(secrets)).items.length,
  ];
  if (counts.some((count) => count !== pods))
    throw new Error(`users, records and Secrets: ${counts.join(', ')}; each should be ${pods}`);
  const deletion = performance.now();
  await kubectl(world, 'delete', 'deployment/many', `--namespace=${world.id}`, '--wait=false');
  await waitFor('all users are dropped', async () => (await newUsers()).length === 0, 180_000);
  await waitFor('all records are gone', async () => (await newRecords()).length === 0, 20_000);
  return {
    'scaled to zero': inSeconds(fromZero),
    available: inSeconds(ready),
    'all dropped': inSeconds(performance.now() - deletion),
  };
}

const SOON = {
  'autoscaling.knative.dev/scale-to-zero-pod-retention-period': '0s',
  'autoscaling.knative.dev/window': '6s',
} as const;

async function annotateRevision(world: World, annotations: Readonly<Record<string, string | null>>) {
  const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
  await kubectl(world, 'patch', 'ksvc/admission', NAMESPACE, '--type=merge', `--patch=${patch}`);
}

async function forgetScale(world: World): Promise<void> {
  await annotateRevision(world, Object.fromEntries(Object.keys(SOON).map((name) => [name, null])));
  await cli(world, 'install');
}

/**
 * Waits until the function has no instance. Knative would keep the last one for ten minutes, so a revision of its own
 * gives it seconds.
 */
async function scaleToZero(world: World): Promise<number> {
  await annotateRevision(world, SOON);
  const none = async () =>
    (await kubectl(
      world,
      'get',
      'pods',
      NAMESPACE,
      '--selector=serving.knative.dev/service=admission',
      '--output=name',
    )) === '';
  return waitFor('the function has no instance', none, 240_000);
}
