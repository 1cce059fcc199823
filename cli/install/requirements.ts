/** Prerequisites of an installation, in one list. */
import { ISTIO, ingressClassIn, KOURIER, type Settings, useIngressClass } from '../ingress-class.ts';
import type { KubernetesObject } from '../objects.ts';
import { type Cluster, defaultBrokerClass } from './cluster.ts';
import type { Ingress } from './existing.ts';

export interface Missing {
  readonly what: string;
  /** How a person fixes it. */
  readonly remedy: string;
}

const OLDEST_API_SERVER = [1, 30] as const;
const SERVING = 'https://knative.dev/docs/install/yaml-install/serving/install-serving-with-yaml/';
const EVENTING = 'https://knative.dev/docs/install/yaml-install/eventing/install-eventing-with-yaml/';
const CERT_MANAGER = 'https://cert-manager.io/docs/installation/';

/** Groups of kinds that the API server does not define itself, and the product that does. */
const SOURCES: readonly (readonly [RegExp, string, string])[] = [
  [/^(?:serving|networking\.internal)\.knative\.dev$/, 'Knative Serving', SERVING],
  [/(?:^|\.)(?:eventing|messaging|sources)\.knative\.dev$/, 'Knative Eventing', EVENTING],
  [/^cert-manager\.io$/, 'cert-manager', CERT_MANAGER],
];

interface Gateway {
  readonly service: string;
  readonly ingressClass: string;
  readonly install: string;
}
const GATEWAYS: Readonly<Record<'kourier' | 'istio', Gateway>> = {
  kourier: {
    service: 'kourier-system/kourier',
    ingressClass: KOURIER,
    install: 'https://github.com/knative-extensions/net-kourier',
  },
  istio: {
    service: 'istio-system/istio-ingressgateway',
    ingressClass: ISTIO,
    install: 'https://github.com/knative-extensions/net-istio',
  },
};

/** @param manifests everything that will be applied. */
export function missingIn(
  cluster: Cluster,
  manifests: readonly KubernetesObject[],
  ingress: Ingress,
): Missing[] {
  return [
    ...apiServer(cluster),
    ...kinds(cluster, manifests),
    ...broker(cluster),
    ...certificates(cluster, manifests),
    ...(ingress.kind === 'none'
      ? ingressOfKnative(cluster)
      : gateway(cluster, GATEWAYS[ingress.kind], ingress.kind)),
  ];
}

function apiServer({ version }: Cluster): Missing[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_API_SERVER;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return [];
  return [
    {
      what: `Kubernetes ${OLDEST_API_SERVER.join('.')} or newer: the API server is ${version}`,
      remedy:
        'upgrade it: older versions have no ValidatingAdmissionPolicy, which guards the uuids of live pods',
    },
  ];
}

/** One entry for each product that is missing, or too old for the options. */
function kinds(cluster: Cluster, manifests: readonly KubernetesObject[]): Missing[] {
  const wanted = new Map<string, { readonly install: string; readonly lacking: string[] }>();
  for (const { apiVersion, kind } of manifests) {
    const [group = '', version = ''] = apiVersion.split('/');
    const [, product, install] = SOURCES.find(([pattern]) => pattern.test(group)) ?? [];
    if (product === undefined || install === undefined) continue;
    const defined = cluster.kinds.find((one) => one.group === group && one.kind === kind);
    if (defined?.versions.includes(version)) continue;
    const entry = wanted.get(product) ?? { install, lacking: [] };
    const name = `${kind} (${apiVersion})`;
    if (!entry.lacking.includes(name)) entry.lacking.push(name);
    wanted.set(product, entry);
  }
  return [...wanted].map(([product, { install, lacking }]) => {
    const release = releaseOf(cluster, product);
    return release === undefined
      ? { what: `${product}, which provides ${lacking.join(', ')}`, remedy: `install it: ${install}` }
      : {
          what: `${lacking.join(', ')}: the cluster's ${product} (${release}) has no such kind`,
          remedy: `upgrade it: ${install}`,
        };
  });
}

/** Version of an installed product; `undefined` if none of its kinds is defined. */
export function releaseOf({ kinds: all }: Cluster, product: string): string | undefined {
  const own = all.filter(({ group }) =>
    SOURCES.some(([pattern, name]) => name === product && pattern.test(group)),
  );
  if (own.length === 0) return undefined;
  return own.map(({ release }) => release).find((release) => release !== '') ?? 'of unknown version';
}

function broker(cluster: Cluster): Missing[] {
  // Nothing more can be checked without Eventing.
  if (releaseOf(cluster, 'Knative Eventing') === undefined) return [];
  const name = defaultBrokerClass(cluster);
  if (name === undefined) {
    return [
      {
        what: 'a default class of Brokers (ConfigMap config-br-defaults in knative-eventing)',
        remedy: `install a Broker and make it the default: ${EVENTING}#optional-install-a-broker-layer`,
      },
    ];
  }
  if (name !== 'MTChannelBasedBroker') return [];
  const parts = ['mt-broker-controller', 'mt-broker-ingress', 'mt-broker-filter'];
  const lacking = parts.filter((part) => !cluster.deployments.has(`knative-eventing/${part}`));
  if (lacking.length === 0) return [];
  return [
    {
      what: `the default Broker (${name}): there is no Deployment ${lacking.join(', ')} in knative-eventing`,
      remedy: `install it with a channel, for instance the in-memory one: ${EVENTING}#optional-install-a-broker-layer`,
    },
  ];
}

/** Setting the webhook's caBundle is the task of cert-manager's cainjector. */
function certificates(cluster: Cluster, manifests: readonly KubernetesObject[]): Missing[] {
  const isWanted = manifests.some(({ apiVersion }) => apiVersion.startsWith('cert-manager.io/'));
  if (!isWanted || releaseOf(cluster, 'cert-manager') === undefined) return [];
  const isThere = [...cluster.deployments].some((name) => name.endsWith('cainjector'));
  if (isThere) return [];
  return [
    {
      what: "cert-manager's cainjector: there is no Deployment of that name",
      remedy: `install it with cert-manager (enabled by default): ${CERT_MANAGER}`,
    },
  ];
}

function gateway({ services, settings }: Cluster, wanted: Gateway, kind: string): Missing[] {
  const missing: Missing[] = [];
  const [namespace, name] = wanted.service.split('/');
  const ports = services.get(wanted.service);
  if (!ports?.includes(443)) {
    missing.push({
      what: `the ingress' Service ${name} in ${namespace}${ports ? ', with port 443' : ''}`,
      remedy: `install it (${wanted.install}), or use --ingress ${kind === 'kourier' ? 'istio' : 'kourier'}, or none`,
    });
  }
  const network = settings.get('knative-serving/config-network');
  const ingressClass = network && ingressClassIn(network);
  if (network && ingressClass !== wanted.ingressClass) {
    const says = isNamed(network)
      ? `says ${ingressClass}`
      : `names no ingress-class, which defaults to Istio`;
    missing.push({
      what: `Knative's ingress ${wanted.ingressClass}: config-network in knative-serving ${says}`,
      remedy: `use --ingress for that one, or change it: ${useIngressClass(wanted.ingressClass)}`,
    });
  }
  return missing;
}

const isNamed = (network: Settings): boolean => 'ingress-class' in network || 'ingress.class' in network;

/** Required for any endpoint of the webhook: without its ingress, no Knative Service becomes ready. */
function ingressOfKnative({ services, settings }: Cluster): Missing[] {
  const network = settings.get('knative-serving/config-network');
  if (!network || isNamed(network) || services.has(GATEWAYS.istio.service)) return [];
  return [
    {
      what: "Knative's ingress: config-network in knative-serving names no ingress-class, which defaults to Istio, and there is no Istio",
      remedy: `set the installed one, for instance Kourier: ${useIngressClass(KOURIER)}`,
    },
  ];
}
