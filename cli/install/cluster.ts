/** What the cluster has, as far as it matters here. */
import { load } from 'js-yaml';
import * as v from 'valibot';
import type { Kubectl } from '../kubectl.ts';
import { find, reference } from '../objects.ts';

/** A kind that has a definition in the cluster. */
export interface DefinedKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly versions: readonly string[];
  /** Of the release that it came with (`app.kubernetes.io/version`); empty where it does not say. */
  readonly release: string;
  /** Whether its `spec` has a field `filters`. */
  readonly hasFilters: boolean;
}

export interface Cluster {
  /** Of the API server: `1.36`. */
  readonly version: string;
  readonly kinds: readonly DefinedKind[];
  /** `<namespace>/<name>` of all Deployments. */
  readonly deployments: ReadonlySet<string>;
  /** Ports of Services by `<namespace>/<name>`. */
  readonly services: ReadonlyMap<string, readonly number[]>;
  /** Knative's settings by `<namespace>/<ConfigMap>`. */
  readonly settings: ReadonlyMap<string, Readonly<Record<string, string>>>;
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
  '{.spec.versions[*].schema.openAPIV3Schema.properties.spec.properties.filters.type}',
];
const NAMES = '{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}';

/** @throws Refusal where the API server cannot be asked. */
export async function readCluster(kubectl: Kubectl): Promise<Cluster> {
  // First of all and alone: whoever cannot log in is asked once, and told once.
  const { serverVersion } = v.parse(Version, await kubectl.json(['version']));
  const [kinds, deployments, found] = await Promise.all([
    readKinds(kubectl),
    kubectl.text(['get', 'deployments', '--all-namespaces', `-o=jsonpath=${NAMES}`]),
    find(kubectl, SOUGHT),
  ]);
  const { major = '', minor = '' } = serverVersion ?? {};
  const ofKind = (wanted: string) => found.filter(({ kind }) => kind === wanted);
  return {
    version: `${major}.${minor.replace(/\D+$/, '')}`,
    kinds,
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

/** By their names only: the definitions themselves are megabytes. */
export async function readKinds(kubectl: Kubectl): Promise<DefinedKind[]> {
  const line = `{range .items[*]}${COLUMNS.join('|')}{"\\n"}{end}`;
  const table = await kubectl.text(['get', 'customresourcedefinitions', `-o=jsonpath=${line}`]);
  return table
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => {
      const [group = '', kind = '', plural = '', versions = '', release = '', filters = ''] = row.split('|');
      return {
        group,
        kind,
        plural,
        versions: versions.split(',').filter((name) => name !== ''),
        release,
        hasFilters: filters !== '',
      };
    });
}

const BrokerDefaults = v.object({
  clusterDefault: v.object({ brokerClass: v.optional(v.string(), 'MTChannelBasedBroker') }),
});

/** The class that a Broker has which names none; `undefined` where there is no default. */
export function defaultBrokerClass({ settings }: Cluster): string | undefined {
  const text = settings.get('knative-eventing/config-br-defaults')?.['default-br-config'];
  try {
    return v.parse(BrokerDefaults, load(text ?? '')).clusterDefault.brokerClass;
  } catch {
    return undefined;
  }
}

/** Whether Knative's senders show who they are. */
export function hasSenderIdentity(cluster: Cluster): boolean {
  return isSwitchedOn(cluster, 'authentication-oidc');
}

/** Whether the ApiServerSource can be told which events to send. */
export function hasSourceFilters(cluster: Cluster): boolean {
  const isDefined = cluster.kinds.some(({ kind, hasFilters }) => kind === 'ApiServerSource' && hasFilters);
  return isDefined && isSwitchedOn(cluster, 'new-apiserversource-filters');
}

/** Whether Knative's channels are addressed by their paths, beside their hosts. */
export function hasTransportEncryption({ settings }: Cluster): boolean {
  const said = settings.get('knative-eventing/config-features')?.['transport-encryption']?.toLowerCase();
  return said === 'strict' || said === 'permissive';
}

/** Of Knative Eventing. */
function isSwitchedOn({ settings }: Cluster, feature: string): boolean {
  return settings.get('knative-eventing/config-features')?.[feature]?.toLowerCase() === 'enabled';
}
