/**
 * The manifests to apply: the repository's own, with a kustomize overlay in a temporary folder. The path's secret is
 * added afterwards, so that it is never in that folder.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as v from 'valibot';
import { parseAllDocuments, stringify } from 'yaml';
import type { Kubectl } from '../kubectl.ts';
import { KubernetesObject, NAMESPACE, WEBHOOK } from '../objects.ts';
import { PATH_SECRET } from '../path-secret.ts';
import { Refusal } from '../refusal.ts';
import { NO_SECRET, withPath } from '../webhook-path.ts';
import type { Ingress } from './existing.ts';

export interface Wishes {
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Absent: as named in the manifests. */
  readonly image: string | undefined;
  readonly ingress: Ingress;
  readonly pathSecret: string;
  /** The Broker's address, if known. */
  readonly broker: string | undefined;
  /** PEM of the authority of Vault's certificate; absent if it is publicly trusted. */
  readonly vaultCa: string | undefined;
  /** Components of knative/components, beside the ingress' own. */
  readonly components: readonly string[];
}

export async function renderManifests(kubectl: Kubectl, wishes: Wishes): Promise<KubernetesObject[]> {
  // kustomize takes relative paths only, and resolves links first.
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'vault-db-injector-'));
  try {
    const write = (name: string, content: string) => writeFile(join(folder, name), content, { mode: 0o600 });
    await write('config.yaml', stringify(wishes.configuration));
    await write(
      'kustomization.yaml',
      stringify(kustomizationFor(wishes, relative(folder, manifestsFolder()))),
    );
    if (wishes.vaultCa !== undefined) await write('ca.crt', wishes.vaultCa);
    const rendered = await kubectl.text(['kustomize', folder]);
    const manifests = parseAllDocuments(rendered).map((document) =>
      v.parse(KubernetesObject, document.toJS()),
    );
    // Placed before the function that mounts it.
    const isNamespace = ({ kind }: KubernetesObject) => kind === 'Namespace';
    return [
      ...manifests.filter(isNamespace),
      secretFor(wishes.pathSecret),
      ...manifests
        .filter((one) => !isNamespace(one))
        .map((one) => (isWebhook(one) ? withPath(one, wishes.pathSecret) : one)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The repository's `knative/`: beside the bundle in the image and in a clone, or beside the sources. */
function manifestsFolder(): string {
  const places = ['manifests/knative', '../knative', '../../knative'];
  const found = places.map((place) => join(import.meta.dirname, place)).find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new Refusal('the manifests (knative/) are not beside this program: use a clone of the repository');
}

export function isWebhook({ kind }: KubernetesObject): boolean {
  return kind === 'MutatingWebhookConfiguration';
}

/** Not with kustomize, which wraps long values: to server-side apply that is another value. */
function secretFor(pathSecret: string): KubernetesObject {
  const labels = { 'app.kubernetes.io/part-of': 'vault-db-injector' };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: PATH_SECRET, namespace: NAMESPACE, labels },
    type: 'Opaque',
    data: { current: Buffer.from(pathSecret).toString('base64') },
  };
}

const VAULT_CA = {
  name: 'vault-ca',
  namespace: NAMESPACE,
  files: ['ca.crt'],
  options: { disableNameSuffixHash: true },
};

function kustomizationFor(wishes: Wishes, knative: string): object {
  const { ingress, components, image, vaultCa } = wishes;
  const ways = { kourier: 'kourier', istio: 'istio', none: 'webhook-url' };
  const all = [ways[ingress.kind], 'notices', ...(vaultCa === undefined ? [] : ['vault-ca']), ...components];
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: ['base', 'serving', 'eventing'].map((name) => `${knative}/${name}`),
    components: all.map((name) => `${knative}/components/${name}`),
    ...(image && { images: [imageFor(image)] }),
    configMapGenerator: [
      { name: 'configuration', namespace: NAMESPACE, behavior: 'replace', files: ['config.yaml'] },
      ...(vaultCa === undefined ? [] : [VAULT_CA]),
    ],
    patches: patchesFor(wishes),
  };
}

function imageFor(image: string): object {
  const name = 'vault-db-injector';
  const [withoutDigest = '', digest] = image.split('@');
  const [, newName = withoutDigest, newTag] = /^(.+):([^:/]+)$/.exec(withoutDigest) ?? [];
  return { name, newName, ...(newTag && { newTag }), ...(digest && { digest }) };
}

type Operation = Readonly<{ op: 'add' | 'replace'; path: string; value: unknown }>;

function patchesFor({ ingress, broker, configuration }: Wishes): object[] {
  const vault = vaultPlace(String(configuration['vaultAddress']));
  const namespaces = 'namespaceSelector/matchExpressions/0/values/-';
  const patch = (kind: string, name: string, ...operations: readonly Operation[]) => ({
    target: { kind, name },
    patch: JSON.stringify(operations),
  });
  return [
    ...(ingress.kind === 'none'
      ? [patch('MutatingWebhookConfiguration', WEBHOOK, ...wayOf(ingress.url, ingress.caBundle))]
      : []),
    patch('NetworkPolicy', 'to-vault', { op: 'replace', path: '/spec/egress', value: [vault.egress] }),
    ...(vault.namespace === undefined || vault.namespace === 'vault'
      ? []
      : [
          patch('MutatingWebhookConfiguration', WEBHOOK, {
            op: 'add',
            path: `/webhooks/0/${namespaces}`,
            value: vault.namespace,
          }),
          patch('ValidatingAdmissionPolicy', 'vault-db-injector-left-out-namespaces', {
            op: 'add',
            path: `/spec/matchConstraints/${namespaces}`,
            value: vault.namespace,
          }),
        ]),
    ...(broker === undefined ? [] : [replaySink(broker)]),
  ];
}

function wayOf(url: string, caBundle: string | undefined): Operation[] {
  const way = '/webhooks/0/clientConfig';
  return [
    { op: 'replace', path: `${way}/url`, value: `${url}/${NO_SECRET}` },
    ...(caBundle === undefined ? [] : [{ op: 'add' as const, path: `${way}/caBundle`, value: caBundle }]),
  ];
}

function replaySink(url: string): object {
  const container = { name: 'replay', env: [{ name: 'INJECTOR_REPLAY_SINK', value: url }] };
  const template = { spec: { containers: [container] } };
  return {
    patch: JSON.stringify({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'replay', namespace: NAMESPACE },
      spec: { jobTemplate: { spec: { template } } },
    }),
  };
}

const IN_CLUSTER = /\.([a-z\d-]+)\.svc(?:\.cluster\.local)?\.?$/;

/** Vault's location, as far as a NetworkPolicy can express it. */
function vaultPlace(address: string) {
  const { hostname, port, protocol } = new URL(address);
  const [, namespace] = IN_CLUSTER.exec(hostname) ?? [];
  const ports = [{ protocol: 'TCP', port: Number(port || (protocol === 'https:' ? 443 : 80)) }];
  const to = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }];
  return { namespace, egress: { ...(namespace && { to }), ports } };
}
