/** The cluster's state, as far as it matters here. */
import * as v from 'valibot';
import { parse } from 'yaml';
import type { Kubectl } from '../kubectl.ts';
import { find, reference } from '../objects.ts';

/** A kind that is defined in the cluster. */
export interface DefinedKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly versions: readonly string[];
  /** The release that it came with (`app.kubernetes.io/version`); empty if it does not say. */
  readonly release: string;
}

export interface Cluster {
  /** Version of the API server: `1.36`. */
  readonly version: string;
  readonly kinds: readonly DefinedKind[];
  /** `<namespace>/<name>` of all Deployments. */
  readonly deployments: ReadonlySet<string>;
  /** Ports of Services by `<namespace>/<name>`. */
  readonly services: ReadonlyMap<string, readonly number[]>;
  /** Knative's settings by `<namespace>/<ConfigMap>`. */
  readonly settings: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Whether an ApiServerSource with filters would be accepted. */
  readonly takesFilters: boolean;
}

const Version = v.object({
  serverVersion: v.optional(v.object({ major: v.string(), minor: v.string() })),
});
const Service = v.object({
  metadata: v.object({ name: v.string(), namespace: v.string() }),
  spec: v.object({ ports: v.optional(v.array(v.object({ port: v.number() })), []) }),
});
const ConfigMap = v.object({
  metadata: v.object({ name: v.string(), namespace: v.string() }),
  data: v.optional(v.record(v.string(), v.string()), {}),
});

const SOUGHT = [
  reference('v1', 'ConfigMap', 'config-network', 'knative-serving'),
  reference('v1', 'ConfigMap', 'config-kourier', 'knative-serving'),
  reference('v1', 'ConfigMap', 'config-br-defaults', 'knative-eventing'),
  reference('v1', 'ConfigMap', 'config-features', 'knative-eventing'),
  reference('v1', 'Service', 'kourier', 'kourier-system'),
  reference('v1', 'Service', 'istio-ingressgateway', 'istio-system'),
];
const COLUMNS = [
  '{.spec.group}',
  '{.spec.names.kind}',
  '{.spec.names.plural}',
  '{range .spec.versions[?(@.served==true)]}{.name},{end}',
  '{.metadata.labels.app\\.kubernetes\\.io/version}',
];
const NAMES = '{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}';

/** @throws Refusal if the API server cannot be reached. */
export async function readCluster(kubectl: Kubectl): Promise<Cluster> {
  // Alone and first: somebody who cannot log in is asked only once, and told only once.
  const { serverVersion } = v.parse(Version, await kubectl.json(['version']));
  const [kinds, takesFilters, deployments, found] = await Promise.all([
    readKinds(kubectl),
    wouldTakeFilters(kubectl),
    kubectl.text(['get', 'deployments', '--all-namespaces', `-o=jsonpath=${NAMES}`]),
    find(kubectl, SOUGHT),
  ]);
  const { major = '', minor = '' } = serverVersion ?? {};
  const ofKind = (wanted: string) => found.filter(({ kind }) => kind === wanted);
  return {
    version: `${major}.${minor.replace(/\D+$/, '')}`,
    kinds,
    takesFilters,
    deployments: new Set(deployments.split('\n')),
    services: new Map(
      v
        .parse(v.array(Service), ofKind('Service'))
        .map(({ metadata, spec }) => [
          `${metadata.namespace}/${metadata.name}`,
          spec.ports.map(({ port }) => port),
        ]),
    ),
    settings: new Map(
      v
        .parse(v.array(ConfigMap), ofKind('ConfigMap'))
        .map(({ metadata, data }) => [`${metadata.namespace}/${metadata.name}`, data]),
    ),
  };
}

const FILTERED = {
  apiVersion: 'sources.knative.dev/v1',
  kind: 'ApiServerSource',
  metadata: { name: 'vault-db-injector-dry-run', namespace: 'default' },
  spec: {
    serviceAccountName: 'default',
    resources: [{ apiVersion: 'v1', kind: 'Pod' }],
    sink: { uri: 'http://example.com' },
    filters: [{ exact: { type: 'dev.knative.apiserver.resource.delete' } }],
  },
};

/** Checked with a dry run, which Knative's own webhook validates: the CRD does not list the field, although it works. */
async function wouldTakeFilters(kubectl: Kubectl): Promise<boolean> {
  const args = ['create', '--dry-run=server', '--validate=strict', '--output=name', '--filename=-'];
  return (await kubectl.run(args, JSON.stringify(FILTERED))).code === 0;
}

/** Names only: the definitions themselves are megabytes. */
export async function readKinds(kubectl: Kubectl): Promise<DefinedKind[]> {
  const line = `{range .items[*]}${COLUMNS.join('|')}{"\\n"}{end}`;
  const table = await kubectl.text(['get', 'customresourcedefinitions', `-o=jsonpath=${line}`]);
  return table
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => {
      const [group = '', kind = '', plural = '', versions = '', release = ''] = row.split('|');
      return {
        group,
        kind,
        plural,
        versions: versions.split(',').filter((name) => name !== ''),
        release,
      };
    });
}

const BrokerDefaults = v.object({
  clusterDefault: v.object({ brokerClass: v.optional(v.string(), 'MTChannelBasedBroker') }),
});

/** The class of a Broker that names none; `undefined` without a default. */
export function defaultBrokerClass({ settings }: Cluster): string | undefined {
  const text = settings.get('knative-eventing/config-br-defaults')?.['default-br-config'];
  try {
    return v.parse(BrokerDefaults, parse(text ?? '')).clusterDefault.brokerClass;
  } catch {
    return undefined;
  }
}

/** Whether Knative's senders authenticate themselves. */
export function hasSenderIdentity(cluster: Cluster): boolean {
  return isSwitchedOn(cluster, 'authentication-oidc');
}

/** Whether an ApiServerSource can filter its events. */
export function hasSourceFilters(cluster: Cluster): boolean {
  return cluster.takesFilters && isSwitchedOn(cluster, 'new-apiserversource-filters');
}

/** Whether Knative's channels are addressed by path, in addition to host. */
export function hasTransportEncryption({ settings }: Cluster): boolean {
  const said = settings.get('knative-eventing/config-features')?.['transport-encryption']?.toLowerCase();
  return said === 'strict' || said === 'permissive';
}

/** Feature flags of Knative Eventing. */
function isSwitchedOn({ settings }: Cluster, feature: string): boolean {
  return settings.get('knative-eventing/config-features')?.[feature]?.toLowerCase() === 'enabled';
}
