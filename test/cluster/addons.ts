/** What a cluster has beside Kubernetes where the product is installed: DNS, cert-manager, Knative with Kourier. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../stack/wait.ts';
import { filesIn, render, sourceOf } from './manifests.ts';
import { binary, paths } from './paths.ts';
import { apply, command, kubectl } from './run.ts';
import { hostNames, networks, node, registry, versions } from './settings.ts';

const available = (namespace: string, ...deployments: readonly string[]) =>
  kubectl(
    'wait',
    `--namespace=${namespace}`,
    '--for=condition=Available',
    '--timeout=240s',
    ...(deployments.length === 0 ? ['deployment', '--all'] : deployments.map((name) => `deployment/${name}`)),
  );

export async function installDns(): Promise<void> {
  const template = await readFile(join(import.meta.dirname, 'coredns.yaml'), 'utf8');
  const filled = template
    .replaceAll('%image%', `${registry.name}/coredns:${versions.coredns}`)
    .replaceAll('%dns%', networks.dns)
    .replaceAll('%hosts%', `${node.address} ${hostNames.join(' ')}`);
  await apply(filled);
  await available('kube-system', 'coredns');
}

/** The chart of its module, whose versions its release fills in. */
export async function installCertManager(): Promise<void> {
  const source = await sourceOf('github.com/cert-manager/cert-manager', 'cert-manager');
  const chart = join(paths.run, 'cert-manager-chart');
  await rm(chart, { recursive: true, force: true });
  await cp(join(source, 'deploy/charts/cert-manager'), chart, { recursive: true });
  await command('chmod', ['--recursive', 'u+w', chart]);
  const version = versions.certManager;
  const description = (await readFile(join(chart, 'Chart.template.yaml'), 'utf8'))
    .replaceAll('{{IMAGE_TAG}}', version)
    .replace(/^version:.*/m, `version: ${version}`)
    .replace(/^appVersion:.*/m, `appVersion: ${version}`);
  await writeFile(join(chart, 'Chart.yaml'), description);
  const crds = (await filesIn(source, 'deploy/crds')).map((file) =>
    // Their labels are the chart's templates.
    file
      .split('\n')
      .filter((line) => !line.includes('{{'))
      .join('\n'),
  );
  const image = (name: string, path: string) => [
    `--set=${path}repository=${registry.name}/cert-manager/${name}`,
    `--set=${path}tag=${version}`,
  ];
  const rendered = await command(binary('helm'), [
    'template',
    'cert-manager',
    chart,
    `--kube-version=v${versions.kubernetes}`,
    '--namespace=cert-manager',
    '--set=startupapicheck.enabled=false',
    '--set=global.leaderElection.namespace=cert-manager',
    ...image('controller', 'image.'),
    ...image('webhook', 'webhook.image.'),
    ...image('cainjector', 'cainjector.image.'),
  ]);
  await apply('apiVersion: v1\nkind: Namespace\nmetadata: { name: cert-manager }\n');
  // As a release has it, by which others tell its version.
  const label = ['label', '--local', '--filename=-', '--output=json', `app.kubernetes.io/version=${version}`];
  await apply(await command('kubectl', label, { input: crds.join('\n---\n') }));
  await apply(rendered);
}

export async function installServing(): Promise<void> {
  const [serving, networking, caching] = await Promise.all(
    ['serving', 'networking', 'caching'].map((name) => sourceOf(`knative.dev/${name}`, 'serving')),
  );
  if (!serving || !networking || !caching) throw new Error('three modules were asked for');
  const core = join(serving, 'config/core');
  const kinds = [
    ...(await filesIn(core, '100-namespace.yaml', '300-resources')),
    ...(await filesIn(
      join(networking, 'config'),
      'certificate.yaml',
      'domain-claim.yaml',
      'ingress.yaml',
      'serverlessservice.yaml',
    )),
    ...(await filesIn(join(caching, 'config'), 'image.yaml')),
  ];
  await apply(render(kinds, versions.serving));
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
  const parts = [
    ...(await filesIn(core, '200-serviceaccount.yaml', '200-roles', 'configmaps')),
    ...(await filesIn(join(networking, 'config'), 'config-network.yaml')),
    ...(await filesIn(core, 'webhooks')),
    ...(await filesIn(
      join(core, 'deployments'),
      'activator.yaml',
      'autoscaler.yaml',
      'controller.yaml',
      'webhook.yaml',
    )),
    ...(await filesIn(core, '999-cache.yaml', '300-knativecertificate.yaml')),
  ];
  await apply(render(parts, versions.serving));
  // Its webhook checks the ConfigMaps that come next.
  await available('knative-serving', 'webhook', 'controller');
}

export async function installKourier(): Promise<void> {
  const source = await sourceOf('knative.dev/net-kourier', 'kourier');
  await apply(render(await filesIn(source, 'config'), versions.serving));
  const data = { 'ingress-class': 'kourier.ingress.networking.knative.dev' };
  const patch = ['--type=merge', `--patch=${JSON.stringify({ data })}`];
  await kubectl('patch', 'configmap', 'config-network', '--namespace=knative-serving', ...patch);
}

// Of sources and transformations that nothing here uses, whose images a release fills in.
const UNUSED_IMAGES = `apiVersion: v1
kind: ConfigMap
metadata: { name: eventing-integrations-images, namespace: knative-eventing }
data: { timer-source: none, aws-s3-source: none, aws-sqs-source: none, aws-ddb-streams-source: none, log-sink: none, aws-s3-sink: none, aws-sqs-sink: none, aws-sns-sink: none }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: eventing-transformations-images, namespace: knative-eventing }
data: { transform-jsonata: none }
`;

export async function installEventing(): Promise<void> {
  const config = join(await sourceOf('knative.dev/eventing', 'eventing'), 'config');
  const [core, channel, broker] = [
    join(config, 'core'),
    join(config, 'channels/in-memory-channel'),
    join(config, 'brokers/mt-channel-broker'),
  ];
  const put = async (files: readonly string[]) => apply(render(files, versions.eventing));
  await put([
    ...(await filesIn(core, '100-namespace.yaml', 'resources')),
    ...(await filesIn(channel, 'resources')),
  ]);
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
  await apply(UNUSED_IMAGES);
  const early = (await readdir(core)).filter((name) => /^200-.*\.yaml$/.test(name));
  await put([
    ...(await filesIn(core, ...early, 'configmaps', 'roles', 'webhooks')),
    ...(await filesIn(join(core, 'deployments'), 'controller.yaml', 'webhook.yaml')),
  ]);
  await available('knative-eventing', 'eventing-webhook');
  await put(await filesIn(channel, '.', 'configmaps', 'roles', 'webhooks', 'deployments'));
  await put([
    ...(await filesIn(broker, 'roles')),
    ...(await filesIn(
      join(broker, 'deployments'),
      'broker-filter.yaml',
      'broker-ingress.yaml',
      'controller.yaml',
    )),
  ]);
}

/** Waits for every Deployment of the platform. */
export async function allReady(): Promise<void> {
  await mkdir(paths.manifests, { recursive: true });
  const namespaces = ['kube-system', 'cert-manager', 'knative-serving', 'kourier-system', 'knative-eventing'];
  await Promise.all(namespaces.map((namespace) => available(namespace)));
  // A webhook's authority comes from cainjector a moment after its pod.
  const probe = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: probe, namespace: default }
spec: { selfSigned: {} }
`;
  const takes = async () => {
    await command('kubectl', ['apply', '--dry-run=server', '--filename=-'], { input: probe });
    return true;
  };
  await until('cert-manager checks what it is given', takes, 60_000);
}
