import * as v from 'valibot';
import { NAMESPACE, vaultInCluster } from '../product.ts';
import type { Step } from '../step.ts';
import { cli, command, kubectl, removeAt, type World } from '../world.ts';
import { nothingIsLeft } from './keep.ts';

const Pods = v.object({
  items: v.array(
    v.object({
      spec: v.object({
        containers: v.array(
          v.object({
            name: v.string(),
            securityContext: v.object({ readOnlyRootFilesystem: v.optional(v.boolean()) }),
          }),
        ),
      }),
      status: v.object({ containerStatuses: v.array(v.object({ name: v.string(), imageID: v.string() })) }),
    }),
  ),
});

interface ProductInVault {
  /** Database engines whose leases the product may renew and revoke. */
  readonly mounts?: readonly string[];
  /** More variables of the script. */
  readonly more?: Readonly<Record<string, string>>;
}

/** Policies and roles of the three processes; run again, it puts them back to what is said. */
export async function setUpProduct(
  world: World,
  { mounts = ['databases'], more = {} }: ProductInVault = {},
): Promise<void> {
  const env = {
    ...world.env,
    LEDGER_PREFIX: world.id,
    DATABASE_MOUNTS: mounts.join(' '),
    POLICY_PREFIX: world.id,
    ...more,
  };
  await command({ ...world, env }, 'knative/vault/set-up.sh', []);
}

/** set-up.sh calls them so, whatever the run's id. */
const ROLES = ['admission', 'renewal', 'revocation'].map(
  (name) => `auth/kubernetes/role/vault-db-injector-${name}`,
);

export const setUpVault: Step = {
  title: 'Vault gets the policies and roles of the three processes',
  isShort: true,
  async run(world) {
    const { vault, undo } = world;
    for (const role of ROLES)
      if ((await vault.ask('GET', role)).status !== 404)
        throw new Error(
          `${role} is there already, or cannot be read: whoever uses it would lose it by this run`,
        );
    undo.push(async () => {
      for (const role of ROLES) await removeAt(world, role);
    });
    await setUpProduct(world);
    return {};
  },
};

const settings = (world: World) => [
  ...['--vault-address', vaultInCluster(world), '--vault-auth-path', 'kubernetes', '--prefix', world.id],
  ...(world.env['VAULT_CACERT'] ? ['--vault-ca', world.env['VAULT_CACERT']] : []),
  ...['--image', world.image],
];

export const install: Step = {
  title: 'It is installed by command, and once more without a change',
  isShort: true,
  async run(world) {
    const there = await kubectl(
      world,
      'get',
      'namespace',
      'vault-injector',
      '--ignore-not-found',
      '--output=name',
    );
    if (there !== '')
      throw new Error(
        'the product is installed in this cluster already: remove it first (npx vault-db-injector uninstall --credentials revoke --yes)',
      );
    await nothingIsLeft(world);
    world.isInstalled = true;
    const first = performance.now();
    await cli(world, 'install', ...settings(world));
    const again = performance.now();
    const said = await cli(world, 'install', ...settings(world));
    if (/^(Created|Changed|Removed)\b/m.test(said))
      throw new Error(`a second run changes something:\n${said}`);
    const end = performance.now();
    return {
      first: `${((again - first) / 1_000).toFixed(1)} s`,
      again: `${((end - again) / 1_000).toFixed(1)} s`,
    };
  },
};

export const running: Step = {
  title: 'The functions run from that image, on a root that nobody can write to',
  isShort: true,
  async run(world) {
    const selector = '--selector=serving.knative.dev/service=admission';
    const answer = await kubectl(world, 'get', 'pods', NAMESPACE, selector, '--output=json');
    const [pod] = v.parse(Pods, JSON.parse(answer)).items;
    const container = pod?.spec.containers.find(({ name }) => name === 'admission');
    const status = pod?.status.containerStatuses.find(({ name }) => name === 'admission');
    if (!container?.securityContext.readOnlyRootFilesystem) throw new Error('its root can be written to');
    if (!status?.imageID.includes('sha256:')) throw new Error('its image has no digest');
    return { digest: status.imageID.replace(/^.*@/, '').slice(0, 19) };
  },
};

export async function removeProduct(world: World): Promise<void> {
  await cli(world, 'uninstall', '--credentials', 'revoke', '--yes', '--settle', '5');
  world.isInstalled = false;
}

export const uninstall: Step = {
  title: 'It is removed, with the credentials of live pods, and nothing is left',
  isShort: true,
  async run(world) {
    const began = performance.now();
    await removeProduct(world);
    await nothingIsLeft(world);
    return { removed: `${((performance.now() - began) / 1_000).toFixed(1)} s` };
  },
};
