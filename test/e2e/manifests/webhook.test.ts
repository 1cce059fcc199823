/** The API server's way to the admission function, and the secret in its path: what belongs together agrees. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createWebhookPath } from '../../../functions/admission/webhook-path.ts';
import { monotonicClock } from '../../../shared/deadline.ts';
import { type Manifests, readManifests, renderManifests } from '../../stack/manifests.ts';
import { projectRoot } from '../../stack/paths.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { copyManifests, renderExample } from '../support/kustomizations.ts';

const Webhook = v.object({
  metadata: v.object({ annotations: v.optional(v.record(v.string(), v.string()), {}) }),
  webhooks: v.tuple([
    v.looseObject({
      timeoutSeconds: v.number(),
      clientConfig: v.union([
        v.strictObject({
          service: v.strictObject({
            namespace: v.string(),
            name: v.string(),
            port: v.number(),
            path: v.string(),
          }),
        }),
        v.strictObject({ url: v.string() }),
      ]),
    }),
  ]),
});
const Certificate = v.object({
  spec: v.looseObject({ secretName: v.string(), dnsNames: v.optional(v.array(v.string()), []) }),
});
const Mapping = v.object({
  metadata: v.object({ name: v.string() }),
  spec: v.object({ ref: v.object({ name: v.string() }), tls: v.object({ secretName: v.string() }) }),
});
const Secret = v.object({ data: v.record(v.string(), v.string()) });

const webhookIn = (manifests: Manifests) =>
  v.parse(Webhook, manifests.find('MutatingWebhookConfiguration', 'vault-db-injector'));

function serviceIn(manifests: Manifests) {
  const { clientConfig } = webhookIn(manifests).webhooks[0];
  if (!('service' in clientConfig)) throw new Error('the webhook names no service');
  return clientConfig.service;
}

describe.each([
  ['knative', 'kourier.kourier-system.svc'],
  ['knative/overlays/istio', 'istio-ingressgateway.istio-system.svc'],
  ['knative/overlays/without-knative', 'admission.vault-injector.svc'],
])('in %s', async (variant, host) => {
  const manifests = await readManifests(variant);

  test('the name that the API server asks for is the one that the certificate is for', () => {
    const { name, namespace, port } = serviceIn(manifests);
    const { spec } = v.parse(Certificate, manifests.find('Certificate', 'webhook-tls'));
    expect([`${name}.${namespace}.svc`, port, spec.dnsNames]).toEqual([host, 443, [host]]);
  });

  test('its authority is put into the webhook by cert-manager, and keeps its key', () => {
    const { annotations } = webhookIn(manifests).metadata;
    expect(annotations).toMatchObject({ 'cert-manager.io/inject-ca-from': 'vault-injector/webhook-ca' });
    expect(manifests.find('Certificate', 'webhook-ca')).toMatchObject({
      spec: { isCA: true, secretName: 'webhook-ca', privateKey: { rotationPolicy: 'Never' } },
    });
    expect(manifests.find('Issuer', 'webhook-ca')).toMatchObject({
      spec: { ca: { secretName: 'webhook-ca' } },
    });
    expect(manifests.find('Certificate', 'webhook-tls')).toMatchObject({
      spec: { issuerRef: { kind: 'Issuer', name: 'webhook-ca' } },
    });
  });

  test('the secret is none that the function accepts, until somebody makes one', async () => {
    const { path } = serviceIn(manifests);
    expect(manifests.all.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const folder = await copyManifests();
    await mkdir(join(folder, 'secrets'));
    await writeFile(join(folder, 'secrets/current'), path.slice(1));
    const accept = () =>
      createWebhookPath({
        folder: join(folder, 'secrets'),
        open: false,
        clock: monotonicClock,
        log: createKeptLog().log,
      });
    expect(accept).toThrow(/holds no secret/);
  });
});

describe.each(['knative', 'knative/overlays/istio'])('the ingress of %s', async (variant) => {
  const manifests = await readManifests(variant);

  test('knows the name by a DomainMapping, which is claimed for our namespace', () => {
    const { name, namespace } = serviceIn(manifests);
    const host = `${name}.${namespace}.svc`;
    const { spec } = v.parse(Mapping, manifests.find('DomainMapping', host));
    expect(spec).toEqual({ ref: { name: 'admission' }, tls: { secretName: 'webhook-tls' } });
    expect(manifests.find('ClusterDomainClaim', host)).toMatchObject({
      spec: { namespace: 'vault-injector' },
    });
  });
});

describe('time', () => {
  const undoWithinSeconds = 60;

  test('is left to the admission function to undo what it began, after the API server has given up', async () => {
    const manifests = await readManifests();
    const { timeoutSeconds } = webhookIn(manifests).webhooks[0];
    expect(timeoutSeconds).toBe(15);
    expect(manifests.knativeService('admission').timeoutSeconds).toBe(timeoutSeconds + undoWithinSeconds);
    const without = await renderManifests('knative/overlays/without-knative');
    expect(without.find(({ kind }) => kind === 'Deployment')).toMatchObject({
      spec: { template: { spec: { terminationGracePeriodSeconds: timeoutSeconds + undoWithinSeconds } } },
    });
  });

  test('is left to events: their retries span hours', async () => {
    const { delivery } = (await readManifests()).trigger('revocation');
    expect([delivery.backoffPolicy, delivery.backoffDelay]).toEqual(['exponential', 'PT1S']);
    // Knative waits 2^n times the delay before retry n, from 0 on.
    const seconds = Array.from({ length: delivery.retry }, (_, attempt) => 2 ** attempt);
    const hours = seconds.reduce((sum, one) => sum + one, 0) / 3600;
    expect(hours).toBeGreaterThan(4);
    expect(hours).toBeLessThan(5);
  });

  test('is left to the renewal job to end by itself', async () => {
    const { activeDeadlineSeconds } = (await readManifests()).cronJob('renewal');
    expect(activeDeadlineSeconds).toBeGreaterThan(0.8 * 300 + 15);
    expect(activeDeadlineSeconds).toBeLessThan(300);
  });
});

describe('the example', () => {
  const [current, next] = ['0123456789abcdef'.repeat(4), 'fedcba9876543210'.repeat(4)];

  test('has the current secret in the path, and every secret where the function reads them', async () => {
    const manifests = await renderExample({ current, next });
    expect(serviceIn(manifests).path).toBe(`/${current}`);
    const { data } = v.parse(Secret, manifests.find('Secret', 'webhook-path'));
    const secrets = Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    expect(Object.fromEntries(secrets)).toEqual({ current, next });
    const mounts = manifests.knativeService('admission').mounts;
    expect(mounts).toContainEqual({
      kind: 'secret',
      path: '/etc/vault-db-injector/webhook-path',
      name: 'webhook-path',
    });
  });

  test('shows the secret nowhere else', async () => {
    const { all } = await renderExample({ current });
    const holding = all.filter((one) => JSON.stringify(one).includes(current)).map(({ kind }) => kind);
    expect(holding).toEqual(['MutatingWebhookConfiguration']);
    expect(all.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name)).toEqual([
      'configuration',
    ]);
  });

  test('has it behind a URL where the API server asks one', async () => {
    const manifests = await renderExample({ current }, (kustomization) =>
      kustomization
        .replace('components/kourier', 'components/webhook-url')
        .replace('webhooks.0.clientConfig.service.path', 'webhooks.0.clientConfig.url')
        .replace('index: 1', 'index: 3'),
    );
    expect(webhookIn(manifests).webhooks[0].clientConfig).toEqual({
      url: `https://admission.example.com/${current}`,
    });
  });

  test('cannot be applied without the file of the secret', async () => {
    const overlay = join(await copyManifests(), 'knative/overlays/example');
    await expect(renderManifests(overlay)).rejects.toThrow(/webhook-path\.env/);
  });

  test('has an image and a configuration of its own', async () => {
    const manifests = await renderExample({ current });
    expect(manifests.knativeService('admission').image).toBe('registry.example.com/vault-db-injector:3.0.0');
    expect(manifests.cronJob('renewal').image).toBe('registry.example.com/vault-db-injector:3.0.0');
    expect(JSON.stringify(manifests.find('ConfigMap', 'configuration'))).toContain(
      'vaultSecretPrefix: production',
    );
  });

  test('lets a Vault through that is outside of the cluster, once its lines about it are no comment', async () => {
    const manifests = await renderExample({ current }, (kustomization) =>
      kustomization.replace(/(?:^# {0,2}(?:patches:| {2}.*)\n)+/gm, (lines) =>
        lines.startsWith('# patches') ? lines.replaceAll(/^# /gm, '') : lines,
      ),
    );
    expect(manifests.find('NetworkPolicy', 'to-vault')).toMatchObject({
      spec: { egress: [{ to: [{ ipBlock: { cidr: '192.0.2.10/32' } }] }] },
    });
  });

  test('never has its secret committed', async () => {
    const file = 'knative/overlays/example/webhook-path.env';
    const { exitCode } = await execa('git', ['check-ignore', '--quiet', file], { cwd: projectRoot });
    expect(exitCode).toBe(0);
  });
});
