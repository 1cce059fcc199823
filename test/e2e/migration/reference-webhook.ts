/** The reference's webhook, as its chart configures it, and the stand-in behind it. */
import { createServer } from 'node:https';
import * as v from 'valibot';
import { createAuthority } from '../../stack/certificates.ts';
import { caBundleOf } from '../../stack/kubernetes/webhook.ts';
import { freePort } from '../../stack/process/ports.ts';
import type { ReferenceInjector } from './reference-injector.ts';
import { UUID_ANNOTATION } from './reference-injector.ts';

const Review = v.object({
  request: v.object({
    uid: v.string(),
    namespace: v.string(),
    object: v.object({
      metadata: v.object({ annotations: v.record(v.string(), v.string()) }),
      spec: v.object({
        serviceAccountName: v.string(),
        containers: v.array(v.object({ env: v.optional(v.array(v.unknown()), []) })),
      }),
    }),
  }),
});

async function answer(body: string, theirs: ReferenceInjector): Promise<object> {
  const { uid, namespace, object } = v.parse(Review, JSON.parse(body)).request;
  const { annotations } = object.metadata;
  const role = Object.entries(annotations).find(([key]) => key.endsWith('.role'))?.[1] ?? '';
  const { uuid, env } = await theirs.issue({
    namespace,
    serviceAccount: object.spec.serviceAccountName,
    role,
  });
  const patch = [
    { op: 'add', path: `/metadata/annotations/${UUID_ANNOTATION.replaceAll('/', '~1')}`, value: uuid },
    ...object.spec.containers.map((container, index) => ({
      op: 'add',
      path: `/spec/containers/${index}/env`,
      value: [...container.env, ...env],
    })),
  ];
  const encoded = Buffer.from(JSON.stringify(patch)).toString('base64');
  return { uid, allowed: true, patchType: 'JSONPatch', patch: encoded };
}

/** @returns how the API server is told of it, by any name. */
export async function serveReferenceWebhook(theirs: ReferenceInjector) {
  const authority = await createAuthority('reference');
  const { certificate: cert, key } = await authority.issue({ commonName: 'reference' });
  const server = createServer({ cert, key }, async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const response = await answer(Buffer.concat(chunks).toString(), theirs);
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(review));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  server.unref();
  return (name: string) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'vault-db-injector.numberly.io',
        admissionReviewVersions: ['v1'],
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: caBundleOf(authority.certificate) },
        objectSelector: { matchLabels: { 'vault-db-injector': 'true' } },
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['pods'],
            scope: 'Namespaced',
          },
        ],
        failurePolicy: 'Fail',
        sideEffects: 'NoneOnDryRun',
        timeoutSeconds: 5,
      },
    ],
  });
}
