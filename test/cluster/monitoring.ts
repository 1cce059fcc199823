/** Monitoring as many clusters have it: the Prometheus Operator, a Prometheus that takes all it finds, a Pushgateway. */
import { makeMonitoringImages } from './images.ts';
import { installMonitoring } from './install/index.ts';
import { filesIn, sourceOf } from './manifests.ts';
import { apply, kubectl } from './run.ts';
import { registry, versions } from './settings.ts';

const NAMESPACE = 'monitoring';
const image = (name: string, version: string) => `${registry.name}/${name}:${version}`;

// What a release of kube-prometheus has of it, as far as it matters here.
const PROMETHEUS = `apiVersion: v1
kind: ServiceAccount
metadata: { name: prometheus, namespace: ${NAMESPACE} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: prometheus }
rules:
  - { apiGroups: [''], resources: [pods, services, endpoints], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: prometheus }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: prometheus }
subjects: [{ kind: ServiceAccount, name: prometheus, namespace: ${NAMESPACE} }]
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: { name: main, namespace: ${NAMESPACE} }
spec:
  serviceAccountName: prometheus
  image: ${image('prometheus', versions.prometheus)}
  version: ${versions.prometheus}
  podMonitorSelector: {}
  podMonitorNamespaceSelector: {}
  serviceMonitorSelector: {}
  serviceMonitorNamespaceSelector: {}
  ruleSelector: {}
  ruleNamespaceSelector: {}
  evaluationInterval: 15s
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: prometheus-pushgateway, namespace: ${NAMESPACE} }
spec:
  selector: { matchLabels: { app: prometheus-pushgateway } }
  template:
    metadata: { labels: { app: prometheus-pushgateway } }
    spec: { containers: [{ name: pushgateway, image: '${image('pushgateway', versions.pushgateway)}' }] }
---
apiVersion: v1
kind: Service
metadata: { name: prometheus-pushgateway, namespace: ${NAMESPACE}, labels: { app: prometheus-pushgateway } }
spec: { selector: { app: prometheus-pushgateway }, ports: [{ name: http, port: 9091 }] }
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: prometheus-pushgateway, namespace: ${NAMESPACE} }
spec:
  selector: { matchLabels: { app: prometheus-pushgateway } }
  endpoints: [{ port: http, honorLabels: true, interval: 15s }]
`;

/** Starts it where it is not there; a user's cluster has it from before. */
export async function startMonitoring(): Promise<void> {
  await installMonitoring();
  await makeMonitoringImages();
  const source = await sourceOf('github.com/prometheus-operator/prometheus-operator', 'prometheus-operator');
  await apply(`apiVersion: v1\nkind: Namespace\nmetadata: { name: ${NAMESPACE} }\n`);
  await apply((await filesIn(source, 'example/prometheus-operator-crd')).join('\n---\n'));
  const operator = (await filesIn(source, 'example/rbac/prometheus-operator'))
    .join('\n---\n')
    .replaceAll('namespace: default', `namespace: ${NAMESPACE}`)
    .replaceAll(/quay\.io\/prometheus-operator\/([a-z-]+):v[\d.]+/g, (_, name: string) =>
      image(name, versions.prometheusOperator),
    );
  await apply(operator);
  await apply(PROMETHEUS);
  const wait = (what: string) =>
    kubectl('rollout', 'status', what, `--namespace=${NAMESPACE}`, '--timeout=180s');
  await wait('deployment/prometheus-operator');
  await wait('deployment/prometheus-pushgateway');
  // The operator makes it.
  await kubectl(
    'wait',
    '--for=create',
    'statefulset/prometheus-main',
    `--namespace=${NAMESPACE}`,
    '--timeout=60s',
  );
  await wait('statefulset/prometheus-main');
}
