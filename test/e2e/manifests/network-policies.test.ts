/** Who may reach our pods, and whom they may reach: the policies that select a pod, added up. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../stack/kubernetes/api.ts';
import { renderManifests } from '../../stack/manifests.ts';
import { renderWith } from '../support/kustomizations.ts';
import { podTemplatesIn } from '../support/pod-templates.ts';

const Labels = v.record(v.string(), v.string());
const Selector = v.strictObject({
  matchLabels: v.optional(Labels, {}),
  matchExpressions: v.optional(
    v.array(v.strictObject({ key: v.string(), operator: v.literal('In'), values: v.array(v.string()) })),
    [],
  ),
});
const Peer = v.strictObject({
  namespaceSelector: v.optional(
    v.strictObject({
      matchLabels: v.strictObject({
        'kubernetes.io/metadata.name': v.optional(v.string()),
        'vault-db-injector.numberly.io/approle': v.optional(v.literal('true')),
      }),
    }),
  ),
  ipBlock: v.optional(v.strictObject({ cidr: v.string() })),
});
const ports = v.array(v.strictObject({ protocol: v.picklist(['TCP', 'UDP']), port: v.number() }));
const peers = v.optional(v.array(Peer));
const Policy = v.object({
  spec: v.strictObject({
    podSelector: Selector,
    policyTypes: v.array(v.picklist(['Ingress', 'Egress'])),
    ingress: v.optional(v.array(v.strictObject({ from: peers, ports })), []),
    egress: v.optional(v.array(v.strictObject({ to: peers, ports })), []),
  }),
});
type Labels = v.InferOutput<typeof Labels>;
type Policy = v.InferOutput<typeof Policy>['spec'];

const selects = ({ matchLabels, matchExpressions }: v.InferOutput<typeof Selector>, labels: Labels) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''));

const peerOf = (peer: v.InferOutput<typeof Peer>): string =>
  Object.entries(peer.namespaceSelector?.matchLabels ?? {})
    .map(([label, value]) => (label === 'kubernetes.io/metadata.name' ? value : label))
    .join() ||
  (peer.ipBlock?.cidr ?? '');

/** One line for each peer: `vault 8200`; `anybody` where a rule names none. */
function reachedBy(policies: readonly Policy[], labels: Labels) {
  const rules = policies.filter(({ podSelector }) => selects(podSelector, labels));
  const lines = (of: readonly { peers: v.InferOutput<typeof peers>; ports: v.InferOutput<typeof ports> }[]) =>
    of
      .flatMap((rule) =>
        (rule.peers?.map(peerOf) ?? ['anybody']).map(
          (peer) =>
            `${peer} ${rule.ports.map(({ port, protocol }) => port + (protocol === 'UDP' ? '/udp' : '')).join()}`,
        ),
      )
      .toSorted();
  return {
    types: [...new Set(rules.flatMap(({ policyTypes }) => policyTypes))].toSorted(),
    in: lines(
      rules.flatMap(({ ingress }) => ingress.map(({ from, ports: of }) => ({ peers: from, ports: of }))),
    ),
    out: lines(rules.flatMap(({ egress }) => egress.map(({ to, ports: of }) => ({ peers: to, ports: of })))),
  };
}

const dns = ['169.254.20.10/32 53/udp,53', 'kube-system 53/udp,53'];
const apiServer = 'anybody 443,6443';
const broker = 'knative-eventing 8080,8443';
const fromKnative = (gateway: string) => [`${gateway} 8012,8112`, 'knative-serving 8012,8112,9090'];

const onKnative = (gateway: string): Readonly<Record<string, { in: string[]; out: string[] }>> => ({
  admission: { in: fromKnative(gateway), out: [...dns, apiServer, 'vault 8200'] },
  revocation: { in: fromKnative(gateway), out: [...dns, apiServer, 'vault 8200'] },
  'dead-letters': { in: fromKnative(gateway), out: [...dns, apiServer] },
  renewal: { in: [], out: [...dns, apiServer, 'vault 8200'] },
  replay: { in: [], out: [...dns, apiServer, broker] },
  source: { in: [], out: [...dns, apiServer, broker] },
  'anything else': { in: [], out: dns },
});

const approle = 'vault-db-injector.numberly.io/approle 50000';
/** Prometheus reads the functions' figures, and the job pushes its own. */
function monitored(pods: ReturnType<typeof onKnative>): ReturnType<typeof onKnative> {
  const scraped = ['admission', 'revocation', 'dead-letters'];
  const withPrometheus = Object.entries(pods).map(([name, whom]) => {
    const into = scraped.includes(name) ? ['monitoring 9464'] : [];
    const out = name === 'renewal' ? ['monitoring 9091'] : [];
    return [name, { in: [...whom.in, ...into], out: [...whom.out, ...out] }];
  });
  return Object.fromEntries(withPrometheus);
}

const expected = {
  knative: onKnative('kourier-system'),
  'knative/monitoring': monitored(onKnative('kourier-system')),
  'knative/overlays/istio': onKnative('istio-system'),
  'knative, and AppRoles': {
    ...onKnative('kourier-system'),
    approle: { in: fromKnative('kourier-system'), out: [...dns, apiServer, 'vault 8200', approle] },
    'source of approle': { in: [], out: [...dns, apiServer, broker] },
  },
  'knative/overlays/without-knative': {
    admission: { in: ['anybody 8443'], out: [...dns, apiServer, 'vault 8200'] },
    renewal: { in: [], out: [...dns, apiServer, 'vault 8200'] },
    'anything else': { in: [], out: dns },
  },
};

function podsOf(manifests: readonly Manifest[]): Map<string, Labels> {
  const pods = new Map(podTemplatesIn(manifests).map(({ name, labels }) => [name, labels]));
  for (const { metadata } of manifests.filter(({ kind }) => kind === 'ApiServerSource')) {
    // Knative's labels of the Deployment that it creates for the source.
    const source = 'apiserver-source-controller';
    const labels = {
      'eventing.knative.dev/source': source,
      'eventing.knative.dev/sourceName': metadata.name,
    };
    pods.set(metadata.name === 'pods' ? 'source' : `source of ${metadata.name}`, labels);
  }
  return pods.set('anything else', {});
}

describe.each(Object.entries(expected))('in %s', async (variant, reached) => {
  const components: Readonly<Record<string, string>> = {
    'knative/monitoring': '../monitoring',
    'knative, and AppRoles': 'approle',
  };
  const component = components[variant];
  const manifests = await (component === undefined ? renderManifests(variant) : renderWith(component));
  const policies = manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map((one) => v.parse(Policy, one).spec);
  const pods = podsOf(manifests);

  test('all pods are spoken of', () => {
    expect([...pods.keys()].toSorted()).toEqual(Object.keys(reached).toSorted());
  });

  test.each(Object.entries(reached))('%s reaches these, and is reached by these', (name, whom) => {
    expect(reachedBy(policies, pods.get(name) ?? {})).toEqual({
      types: ['Egress', 'Ingress'],
      in: whom.in.toSorted(),
      out: whom.out.toSorted(),
    });
  });
});
