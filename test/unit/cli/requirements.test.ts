import { describe, expect, test } from 'vitest';
import type { Cluster, DefinedKind } from '../../../cli/install/cluster.ts';
import { missingIn } from '../../../cli/install/requirements.ts';
import { reference } from '../../../cli/objects.ts';

const kind = (group: string, name: string, versions: string[], release = '1.2.3'): DefinedKind => ({
  group,
  kind: name,
  plural: `${name.toLowerCase()}s`,
  versions,
  release,
});
const manifests = [
  reference('v1', 'Namespace', 'a'),
  reference('serving.knative.dev/v1', 'Service', 'a'),
  reference('serving.knative.dev/v1beta1', 'DomainMapping', 'a'),
  reference('eventing.knative.dev/v1', 'Broker', 'a'),
  reference('cert-manager.io/v1', 'Certificate', 'a'),
];
const BROKERS = ['mt-broker-controller', 'mt-broker-ingress', 'mt-broker-filter'];
const brokerDefaults = (brokerClass: string) => ({
  'default-br-config': `clusterDefault:\n  brokerClass: ${brokerClass}\n`,
});
const complete: Cluster = {
  takesFilters: false,
  version: '1.30',
  kinds: [
    kind('serving.knative.dev', 'Service', ['v1']),
    kind('serving.knative.dev', 'DomainMapping', ['v1alpha1', 'v1beta1']),
    kind('eventing.knative.dev', 'Broker', ['v1']),
    kind('cert-manager.io', 'Certificate', ['v1']),
  ],
  deployments: new Set([...BROKERS.map((name) => `knative-eventing/${name}`), 'cm/cert-manager-cainjector']),
  services: new Map([['kourier-system/kourier', [80, 443]]]),
  settings: new Map<string, Readonly<Record<string, string>>>([
    ['knative-eventing/config-br-defaults', brokerDefaults('MTChannelBasedBroker')],
    ['knative-serving/config-network', { 'ingress-class': 'kourier.ingress.networking.knative.dev' }],
  ]),
};

const missing = (change: Partial<Cluster>, ingress: 'kourier' | 'istio' = 'kourier') =>
  missingIn({ ...complete, ...change }, manifests, { kind: ingress }).map(({ what }) => what);

test('a cluster that has everything misses nothing', () => {
  expect(missing({})).toEqual([]);
});

describe('what is missing is said once, by name', () => {
  const without = (name: string) => complete.kinds.filter((one) => one.kind !== name);

  test.each([
    ['1.29', ['Kubernetes 1.30 or newer: the API server is 1.29']],
    ['0.99', ['Kubernetes 1.30 or newer: the API server is 0.99']],
    ['1.31', []],
    ['2.0', []],
  ])('Kubernetes %s', (version, expected) => {
    expect(missing({ version })).toEqual(expected);
  });

  test('a product', () => {
    expect(missing({ kinds: without('Certificate') })).toEqual([
      'cert-manager, which provides Certificate (cert-manager.io/v1)',
    ]);
    expect(missing({ kinds: without('Broker') })).toEqual([
      'Knative Eventing, which provides Broker (eventing.knative.dev/v1)',
    ]);
  });

  test('a kind, or a version of it, that the product there does not have', () => {
    const expected = [
      "DomainMapping (serving.knative.dev/v1beta1): the cluster's Knative Serving (1.2.3) has no such kind",
    ];
    expect(missing({ kinds: without('DomainMapping') })).toEqual(expected);
    const old = [...without('DomainMapping'), kind('serving.knative.dev', 'DomainMapping', ['v1alpha1'])];
    expect(missing({ kinds: old })).toEqual(expected);
  });

  test('the default Broker', () => {
    const settings = (content: Readonly<Record<string, string>>) =>
      new Map(complete.settings).set('knative-eventing/config-br-defaults', content);
    expect(missing({ settings: settings({}) })).toEqual([
      'a default class of Brokers (ConfigMap config-br-defaults in knative-eventing)',
    ]);
    const deployments = new Set(['cm/cainjector', 'knative-eventing/mt-broker-filter']);
    expect(missing({ deployments })).toEqual([
      'the default Broker (MTChannelBasedBroker): there is no Deployment mt-broker-controller, mt-broker-ingress in knative-eventing',
    ]);
    expect(missing({ deployments, settings: settings(brokerDefaults('Kafka')) })).toEqual([]);
  });

  test("cert-manager's cainjector", () => {
    const deployments = new Set(BROKERS.map((name) => `knative-eventing/${name}`));
    expect(missing({ deployments })).toEqual([
      "cert-manager's cainjector: there is no Deployment of that name",
    ]);
  });

  test('the ingress: its Service, its port, and that it is the one that Knative uses', () => {
    expect(missing({ services: new Map() })).toEqual(["the ingress' Service kourier in kourier-system"]);
    expect(missing({ services: new Map([['kourier-system/kourier', [80]]]) })).toEqual([
      "the ingress' Service kourier in kourier-system, with port 443",
    ]);
    const services = new Map([['istio-system/istio-ingressgateway', [443]]]);
    expect(missing({ services }, 'istio')).toEqual([
      "Knative's ingress istio.ingress.networking.knative.dev: config-network in knative-serving says kourier.ingress.networking.knative.dev",
    ]);
  });

  test('an ingress class that is not named is that of Istio', () => {
    const settings = new Map(complete.settings).set('knative-serving/config-network', {
      'domain-template': 'x',
    });
    const istio = new Map([...complete.services, ['istio-system/istio-ingressgateway', [443]]] as const);
    const [found] = missingIn({ ...complete, settings }, manifests, { kind: 'kourier' });
    expect(found).toEqual({
      what: "Knative's ingress kourier.ingress.networking.knative.dev: config-network in knative-serving names no ingress-class, which defaults to Istio",
      remedy:
        'use --ingress for that one, or change it: kubectl --namespace knative-serving patch configmap config-network --type=merge --patch=\'{"data":{"ingress-class":"kourier.ingress.networking.knative.dev"}}\'',
    });
    expect(missing({ settings, services: istio }, 'istio')).toEqual([]);
    const none = { kind: 'none', url: 'https://x', caBundle: undefined } as const;
    const whatIsMissing = (cluster: Cluster) => missingIn(cluster, manifests, none).map(({ what }) => what);
    expect(whatIsMissing({ ...complete, settings })).toEqual([
      "Knative's ingress: config-network in knative-serving names no ingress-class, which defaults to Istio, and there is no Istio",
    ]);
    expect(whatIsMissing({ ...complete, settings, services: istio })).toEqual([]);
  });

  test('nothing of an ingress where none is taken', () => {
    const none = { ...complete, services: new Map(), settings: complete.settings };
    const way = { kind: 'none', url: 'https://x', caBundle: undefined } as const;
    expect(missingIn(none, manifests, way)).toEqual([]);
  });

  test('and each with what to do about it', () => {
    const bare = { ...complete, kinds: [], services: new Map(), version: '1.20' };
    const found = missingIn(bare, manifests, { kind: 'kourier' });
    expect(found.length).toBe(5);
    expect(found.filter(({ remedy }) => !/^(?:install|upgrade) it/.test(remedy))).toEqual([]);
  });
});
