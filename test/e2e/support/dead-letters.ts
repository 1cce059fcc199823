/**
 * The dead letter sink and the replay job in a namespace of a test's own, as the service accounts of the manifests and
 * with their rights, taken from the files.
 */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';
import { figuresIn, runJob } from '../../stack/job.ts';
import { kubeconfigOf } from '../../stack/kubernetes/kubeconfig.ts';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { projectRoot } from '../../stack/paths.ts';
import { projectToken } from '../../stack/settings.ts';
import type { Keys } from './fleet.ts';
import { authority, stack } from './stack.ts';

const MANIFESTS = ['knative/serving/rbac.yaml', 'knative/eventing/rbac.yaml'];
const NAMESPACE_OF_MANIFESTS = 'vault-injector';
const SINK = 'vault-db-injector-dead-letters';
const REPLAY = 'vault-db-injector-replay';

const Rights = v.looseObject({
  apiVersion: v.string(),
  kind: v.picklist(['Role', 'RoleBinding']),
  metadata: v.object({ name: v.picklist([SINK, REPLAY]), namespace: v.string() }),
});
const ConfigMapList = v.object({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({ name: v.string(), uid: v.string() }),
      data: v.optional(v.record(v.string(), v.string()), {}),
    }),
  ),
});

async function grantRights(namespace: string): Promise<number> {
  let granted = 0;
  for (const file of MANIFESTS) {
    const manifests = await readFile(join(projectRoot, file), 'utf8');
    const moved = manifests.replaceAll(`namespace: ${NAMESPACE_OF_MANIFESTS}`, `namespace: ${namespace}`);
    for (const document of parseAllDocuments(moved)) {
      const rights = v.safeParse(Rights, document.toJS());
      if (!rights.success) continue;
      await stack.kubernetes.apply(rights.output);
      granted += 1;
    }
  }
  return granted;
}

export type DeadLetterOffice = Awaited<ReturnType<typeof openDeadLetterOffice>>;

export async function openDeadLetterOffice(namespace: string) {
  await createNamespace(stack.kubernetes, namespace, [SINK, REPLAY]);
  if ((await grantRights(namespace)) !== 4) throw new Error('the manifests have other rights than expected');
  const folder = await mkdtemp(join(stack.description.functions.folder, `${namespace}-`));
  const path = `/api/v1/namespaces/${namespace}/configmaps`;

  /** The environment of a process in a pod of that service account. */
  async function identityOf(serviceAccount: string): Promise<{ KUBECONFIG: string }> {
    const tokenFile = join(folder, `${serviceAccount}.token`);
    await projectToken(stack.kubernetes, { namespace, serviceAccount }, [], tokenFile);
    const KUBECONFIG = join(folder, `${serviceAccount}.kubeconfig`);
    const content = kubeconfigOf(stack.description.kubernetes.url, authority, { tokenFile }, namespace);
    await writeFile(KUBECONFIG, content, { mode: 0o600 });
    return { KUBECONFIG };
  }
  const [asSink, asReplay] = await Promise.all([identityOf(SINK), identityOf(REPLAY)]);

  const asAdmin = { KUBECONFIG: join(folder, 'admin.kubeconfig') };
  const { adminCertificateFile, adminKeyFile, url } = stack.description.kubernetes;
  const admin = {
    certificate: await readFile(adminCertificateFile, 'utf8'),
    key: await readFile(adminKeyFile, 'utf8'),
  };
  await writeFile(asAdmin.KUBECONFIG, kubeconfigOf(url, authority, admin, namespace), {
    mode: 0o600,
  });

  return {
    namespace,
    asAdmin,
    asSink,
    asReplay,
    /** @param env of its process, over that of its service account. */
    startSink: (keys: Keys = {}, env: Readonly<Record<string, string>> = {}) =>
      stack.startFunction({ name: 'dead-letters', overrides: keys, env: { ...asSink, ...env } }),
    /** What is kept, whether it is a dead letter or not. */
    async kept() {
      const { items } = v.parse(ConfigMapList, await stack.kubernetes.call('GET', path));
      // Every namespace has one of its own, for the API server's certificate.
      return items.filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt');
    },
    async empty(): Promise<void> {
      await stack.kubernetes.call('DELETE', path);
    },
    /** Runs the job to its end. */
    async replay(sink: string, keys: Keys = {}, env: Readonly<Record<string, string>> = asReplay) {
      const overrides = { replaySink: sink, ...keys };
      const run = await runJob('replay', stack.description.functions, { overrides, env: { ...env } });
      return { ...run, report: figuresIn(run.log, 'replay ended') };
    },
  };
}
