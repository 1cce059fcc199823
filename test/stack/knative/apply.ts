/** The project's manifests on the API server, by kubectl, as an operator applies them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { findOrInstall } from '../install/index.ts';
import type { KubernetesApi, Manifest } from '../kubernetes/api.ts';
import { until } from '../wait.ts';

const systemNamespaces = ['knative-eventing', 'knative-serving', 'kourier-system', 'cert-manager'];

export type ApplyOptions = {
  folder: string;
  kubeconfig: string;
  kubernetes: KubernetesApi;
  manifests: readonly Manifest[];
};

type Kubectl = (...args: string[]) => Promise<void>;

const createKubectl = async ({ folder, kubeconfig }: ApplyOptions): Promise<Kubectl> => {
  const kubectl = await findOrInstall('kubectl', () => {});
  // What it remembers of another stack on the same port would mislead it.
  const cache = `--cache-dir=${join(folder, 'kubectl-cache')}`;
  return async (...args) => {
    await execa(kubectl, [...args, `--kubeconfig=${kubeconfig}`, cache]);
  };
};

const apply = ['apply', '--server-side', '--validate=strict', '--field-manager=stack', '--force-conflicts'];

/** The guard takes effect a moment after it was applied. */
const guardInEffect = (kubernetes: KubernetesApi): Promise<void> => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'guarded', annotations: { 'db-creds-injector.numberly.io/uuid': 'any' } },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  };
  return until('the API server guards the annotation', async () => {
    const answer = await kubernetes.ask('POST', '/api/v1/namespaces/default/pods?dryRun=All', pod);
    return answer.status === 422 || answer.status === 403;
  });
};

/** Knative's and cert-manager's kinds, their namespaces, and then all of the manifests. */
export const applyManifests = async (options: ApplyOptions): Promise<void> => {
  const { folder, kubernetes, manifests } = options;
  const kubectl = await createKubectl(options);
  const definitions = await Promise.all([
    findOrInstall('eventing-crds.yaml', () => {}),
    findOrInstall('serving-crds.yaml', () => {}),
  ]);
  const namespaces = systemNamespaces.map((name) =>
    kubernetes.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
  );
  await Promise.all([kubectl(...apply, ...definitions.map((file) => `--filename=${file}`)), ...namespaces]);
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
  const ours = join(folder, 'manifests.yaml');
  await writeFile(ours, manifests.map((one) => stringify(one)).join('---\n'));
  const settings = await findOrInstall('eventing-config.yaml', () => {});
  await kubectl(...apply, `--filename=${ours}`, `--filename=${settings}`);
  await guardInEffect(kubernetes);
};
