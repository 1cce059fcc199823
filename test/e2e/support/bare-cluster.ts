/**
 * A cluster of a test's own: the real API server with the real definitions of Knative's and cert-manager's kinds, and no
 * controller behind them: see controllers.ts.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createAuthority } from '../../stack/certificates.ts';
import { findOrInstall } from '../../stack/install/index.ts';
import { run } from '../../stack/install/run.ts';
import { startControlPlane } from '../../stack/kubernetes/control-plane.ts';
import { stackRoot } from '../../stack/paths.ts';
import { createProcesses } from '../../stack/process/processes.ts';

export type BareCluster = Awaited<ReturnType<typeof startBareCluster>>;

/**
 * Called at a test file's top level: ends with the file. @param name of its folder. @param apiServerArguments of its
 * own.
 */
export async function startBareCluster(name: string, apiServerArguments: readonly string[] = []) {
  const folder = join(stackRoot, `e2e-${name}-${process.pid}`);
  const processes = createProcesses();
  const first: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of first) await end();
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const program = (part: 'etcd' | 'kube-apiserver' | 'kubectl') => findOrInstall(part, () => {});
  const cluster = await startControlPlane(processes, {
    etcdBinary: await program('etcd'),
    apiServerBinary: await program('kube-apiserver'),
    folder,
    apiServerArguments,
    authority: await createAuthority(name),
  });
  const kubectlProgram = await program('kubectl');
  const kubectl = (...args: string[]) =>
    run({ command: kubectlProgram, args: [`--kubeconfig=${cluster.kubeconfig}`, ...args] });
  /** What works with the cluster, and is ended before it. */
  const endFirst = (end: () => Promise<void>) => void first.push(end);
  return { ...cluster, folder, kubectl, kubectlProgram, endFirst };
}

/** Namespaces that Knative, its ingress and cert-manager are in, and what is looked for there. */
const NAMESPACES = ['knative-serving', 'knative-eventing', 'kourier-system', 'cert-manager', 'team'];
const DEPLOYMENTS = [
  ['knative-eventing', 'mt-broker-controller'],
  ['knative-eventing', 'mt-broker-ingress'],
  ['knative-eventing', 'mt-broker-filter'],
  ['cert-manager', 'cert-manager-cainjector'],
] as const;
const NETWORK = { 'ingress-class': 'kourier.ingress.networking.knative.dev' };

/** All that an installation needs, as far as an API server knows of it. */
export async function bringKnative({ kubectl, admin, folder }: BareCluster): Promise<void> {
  for (const name of NAMESPACES)
    await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const namespace of ['default', 'team'])
    await admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
  for (const file of ['eventing-crds.yaml', 'serving-crds.yaml', 'eventing-config.yaml'] as const)
    await kubectl('apply', '--server-side', `--filename=${await findOrInstall(file, () => {})}`);
  const metadata = { name: 'config-network', namespace: 'knative-serving' };
  await admin.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: NETWORK });
  await admin.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kourier', namespace: 'kourier-system' },
    spec: { ports: [{ name: 'https', port: 443 }] },
  });
  const deployments = DEPLOYMENTS.map(([namespace, name]) => deployment(namespace, name));
  const file = join(folder, 'deployments.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: deployments }));
  await kubectl('apply', '--server-side', `--filename=${file}`);
}

function deployment(namespace: string, name: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x' }] } },
    },
  };
}
