/** What has to be there before anything is installed, all of it in one list. */
import { ISTIO, ingressClassIn, KOURIER, type Settings, useIngressClass } from '../ingress-class.ts';
import type { KubernetesObject } from '../objects.ts';
import { type Cluster, defaultBrokerClass } from './cluster.ts';
import type { Ingress } from './existing.ts';

export interface Missing {
  readonly what: string;
  /** What a person does about it. */
  readonly remedy: string;
}

const OLDEST_API_SERVER = [1, 30] as const;
const SERVING = 'https://knative.dev/docs/install/yaml-install/serving/install-serving-with-yaml/';
const EVENTING = 'https://knative.dev/docs/install/yaml-install/eventing/install-eventing-with-yaml/';
const CERT_MANAGER = 'https://cert-manager.io/docs/installation/';

/** Of groups whose kinds are not the API server's own: who brings them. */
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

/** @param manifests all that is going to be applied. */
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
      remedy: 'upgrade it: older ones have no ValidatingAdmissionPolicy, which guards the uuids of live pods',
    },
  ];
}

/** One entry for each product that is not there, or too old for what is asked of it. */
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
      ? { what: `${product}, which brings ${lacking.join(', ')}`, remedy: `install it: ${install}` }
      : {
          what: `${lacking.join(', ')}: the cluster's ${product} (${release}) has no such kind`,
          remedy: `upgrade it: ${install}`,
        };
  });
}

/** Of a product that is there; `undefined` where none of its kinds is. */
export function releaseOf({ kinds: all }: Cluster, product: string): string | undefined {
  const own = all.filter(({ group }) =>
    SOURCES.some(([pattern, name]) => name === product && pattern.test(group)),
  );
  if (own.length === 0) return undefined;
  return own.map(({ release }) => release).find((release) => release !== '') ?? 'of unknown version';
}

function broker(cluster: Cluster): Missing[] {
  // Without Eventing there is no more to be said than that.
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
      remedy: `install it with a channel, in-memory for instance: ${EVENTING}#optional-install-a-broker-layer`,
    },
  ];
}

/** Whose authority the API server is to trust is for cert-manager's cainjector to say. */
function certificates(cluster: Cluster, manifests: readonly KubernetesObject[]): Missing[] {
  const isWanted = manifests.some(({ apiVersion }) => apiVersion.startsWith('cert-manager.io/'));
  if (!isWanted || releaseOf(cluster, 'cert-manager') === undefined) return [];
  const isThere = [...cluster.deployments].some((name) => name.endsWith('cainjector'));
  if (isThere) return [];
  return [
    {
      what: "cert-manager's cainjector: there is no Deployment of that name",
      remedy: `install it with cert-manager, it is on by default: ${CERT_MANAGER}`,
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
      remedy: `install it (${wanted.install}), or say --ingress ${kind === 'kourier' ? 'istio' : 'kourier'}, or none`,
    });
  }
  const network = settings.get('knative-serving/config-network');
  const ingressClass = network && ingressClassIn(network);
  if (network && ingressClass !== wanted.ingressClass) {
    const says = isNamed(network) ? `says ${ingressClass}` : `names no ingress-class, which is Istio's then`;
    missing.push({
      what: `Knative's ingress ${wanted.ingressClass}: config-network in knative-serving ${says}`,
      remedy: `say --ingress for that one, or change it: ${useIngressClass(wanted.ingressClass)}`,
    });
  }
  return missing;
}

const isNamed = (network: Settings): boolean => 'ingress-class' in network || 'ingress.class' in network;

/** Whatever way the webhook takes: without its ingress, no Service of Knative becomes ready. */
function ingressOfKnative({ services, settings }: Cluster): Missing[] {
  const network = settings.get('knative-serving/config-network');
  if (!network || isNamed(network) || services.has(GATEWAYS.istio.service)) return [];
  return [
    {
      what: "Knative's ingress: config-network in knative-serving names no ingress-class, which is Istio's then, and there is no Istio",
      remedy: `name the one that is there, Kourier for instance: ${useIngressClass(KOURIER)}`,
    },
  ];
}
