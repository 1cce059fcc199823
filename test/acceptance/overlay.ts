/** Plain manifests, as GitOps has them: an overlay like the example's, for this cluster and its Vault. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { projectRoot } from '../stack/paths.ts';
import { vaultInCluster } from './product.ts';
import { command, kubectl, type World } from './world.ts';

const Kustomization = v.looseObject({
  resources: v.array(v.string()),
  components: v.array(v.string()),
  configMapGenerator: v.array(v.looseObject({ name: v.string() })),
});

/** A sweep a minute, so that an hour's worth of them fits into minutes. */
const INTERVAL_SECONDS = 60;
const DEADLINE_SECONDS = 55;

const configuration = (world: World, clusterId: string): string => `vaultAddress: ${vaultInCluster(world)}
vaultAuthPath: kubernetes
vaultSecretName: vault-injector
vaultSecretPrefix: ${world.id}
clusterId: ${clusterId}
serviceAccountTokenFile: /var/run/secrets/vault/token
defaultEngine: databases
delivery: secret
injectorLabel: vault-db-injector
tokenTTL: 768h
tokenReference: accessor
syncTTLSecond: ${INTERVAL_SECONDS}
logLevel: info
appRoleMap:
  ${world.id}: { namespaces: [${world.id}], serviceAccounts: [app] }
`;

const patches = (vault: URL) => [
  {
    target: { kind: 'NetworkPolicy', name: 'to-vault' },
    patch: stringify([
      { op: 'replace', path: '/spec/egress/0/to', value: [{ ipBlock: { cidr: `${vault.hostname}/32` } }] },
    ]),
  },
  {
    target: { kind: 'CronJob', name: 'renewal' },
    patch: stringify([
      { op: 'replace', path: '/spec/schedule', value: '* * * * *' },
      { op: 'replace', path: '/spec/jobTemplate/spec/activeDeadlineSeconds', value: DEADLINE_SECONDS },
    ]),
  },
];

export interface Overlay {
  /** As seen from the example; else the example's own. */
  readonly resources?: readonly string[];
  /** Beside Vault's authority. */
  readonly components: readonly string[];
}

/** @returns its folder. */
async function writeOverlay(world: World, { resources, components }: Overlay): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'overlay-'));
  const knative = join(projectRoot, 'knative');
  const example = join(knative, 'overlays/example');
  const uid = ['get', 'namespace', 'kube-system', '--output=jsonpath={.metadata.uid}'];
  await writeFile(join(folder, 'config.yaml'), configuration(world, await kubectl(world, ...uid)));
  await writeFile(join(folder, 'webhook-path.env'), `current=${randomBytes(32).toString('hex')}\n`);
  await cp(String(world.env['VAULT_CACERT']), join(folder, 'ca.crt'));
  const found = v.parse(Kustomization, parse(await readFile(join(example, 'kustomization.yaml'), 'utf8')));
  const here = (path: string) => relative(folder, join(example, path));
  const [newName = '', newTag = ''] = world.image.split(/:(?=[^:/]+$)/);
  const authority = {
    name: 'vault-ca',
    namespace: 'vault-injector',
    files: ['ca.crt'],
    options: { disableNameSuffixHash: true },
  };
  const ours = {
    ...found,
    resources: (resources ?? found.resources).map(here),
    // Last, since it changes what the others bring.
    components: [...(resources ? [] : found.components), ...components, '../../components/vault-ca'].map(
      here,
    ),
    images: [{ name: 'vault-db-injector', newName, newTag }],
    patches: patches(new URL(String(world.env['VAULT_ADDR']))),
    configMapGenerator: [...found.configMapGenerator, authority],
  };
  await writeFile(join(folder, 'kustomization.yaml'), stringify(ours));
  return folder;
}

/** Makes the overlay, and has kubectl do this with it. */
export async function withOverlay(world: World, overlay: Overlay, ...verb: readonly string[]): Promise<void> {
  const folder = await writeOverlay(world, overlay);
  try {
    await command(world, 'kubectl', [...verb, '--kustomize', folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const applyOverlay = (world: World, overlay: Overlay): Promise<void> =>
  withOverlay(world, overlay, 'apply', '--server-side', '--field-manager=gitops');
