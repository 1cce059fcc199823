/**
 * Where the API server's own start-up files can be changed, it sends the secret as a bearer token: nothing that it says to
 * the author of a pod, or into its log, has it then, whatever happens to the function.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { caBundleOf } from '../../stack/kubernetes/webhook.ts';
import { startAdmission } from '../support/admission-function.ts';
import { startBareCluster } from '../support/bare-cluster.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { container, podWith, tryCreatePod } from '../support/pods.ts';
import { authority, exampleAccount, exampleNamespace } from '../support/stack.ts';

const own = await startAdmission(await startFaultProxy());
const { host } = new URL(own.url);
const secret = own.path.slice(1);

/** The configuration in docs/decisions/0004-path-secret.md. */
const folder = await mkdtemp(join(tmpdir(), 'admission-configuration-'));
afterAll(() => rm(folder, { recursive: true }));
const kubeConfigFile = join(folder, 'webhooks.kubeconfig');
await writeFile(
  kubeConfigFile,
  JSON.stringify({ apiVersion: 'v1', kind: 'Config', users: [{ name: host, user: { token: secret } }] }),
);
const configuration = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins: [
    {
      name: 'MutatingAdmissionWebhook',
      configuration: {
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'WebhookAdmissionConfiguration',
        kubeConfigFile,
      },
    },
  ],
};
const file = join(folder, 'admission.json');
await writeFile(file, JSON.stringify(configuration));
const cluster = await startBareCluster('token', [`--admission-control-config-file=${file}`]);

await createNamespace(cluster.admin, exampleNamespace);
await cluster.admin.apply({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: exampleAccount, namespace: exampleNamespace },
});
await cluster.admin.apply({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'vault-db-injector' },
  webhooks: [
    {
      name: 'vault-db-injector.numberly.io',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: `${own.url}/`, caBundle: caBundleOf(authority) },
      objectSelector: { matchLabels: { 'vault-db-injector': 'true' } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      failurePolicy: 'Fail',
      sideEffects: 'NoneOnDryRun',
      timeoutSeconds: 2,
    },
  ],
});

const create = () =>
  tryCreatePod(
    podWith({ role: 'gule-rw' }, { containers: [container('app')] }),
    '?dryRun=All',
    cluster.admin,
  );

test('the function takes it in place of the path', async () => {
  await expect
    .poll(async () => (await create()).pod?.metadata.annotations['db-creds-injector.numberly.io/uuid'])
    .toBeDefined();
});

test('and nobody is told it where there is no answer', async () => {
  own.kill('SIGSTOP');
  const late = await create();
  own.kill('SIGCONT');
  await own.stop();
  const refused = await create();
  expect(late.refusal).toContain(`${own.url}/?timeout=2s`);
  expect(late.refusal).toContain('deadline exceeded');
  expect(refused.refusal).toContain('connection refused');
  const log = await readFile(cluster.apiServer.logFile, 'utf8');
  expect([late.refusal, refused.refusal, log].filter((text) => text?.includes(secret))).toHaveLength(0);
});
