/** What an operator can apply: every variant is taken by the API server, every field of it, and by Knative's own code. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../stack/kubernetes/api.ts';
import { renderManifests } from '../../stack/manifests.ts';
import { projectRoot } from '../../stack/paths.ts';
import { judge } from '../support/knative-validation.ts';
import { wouldApply } from '../support/kubectl.ts';
import { renderExample, renderWith, renderWithoutKnative, variants } from '../support/kustomizations.ts';
import { bringMonitoringKinds } from '../support/monitoring/kinds.ts';

await bringMonitoringKinds();
const secrets = { current: '0'.repeat(64) };

/** A webhook that is there already would keep its own address beside another one's. */
function renamed(manifest: Manifest): Manifest {
  if (manifest.kind !== 'MutatingWebhookConfiguration') return manifest;
  return { ...manifest, metadata: { ...manifest.metadata, name: 'another' } };
}

const rendered: ReadonlyMap<string, readonly Manifest[]> = new Map([
  ...(await Promise.all(variants.map(async (one) => [one, await renderManifests(one)] as const))),
  ['knative/overlays/example', (await renderExample(secrets)).all] as const,
  ['events of known senders only', await renderWith('event-authentication')] as const,
  ['eviction', await renderWith('evict')] as const,
  ['AppRoles', await renderWith('approle', 'vault-ca', 'source-filters')] as const,
  [
    'AppRoles for events of known senders only',
    await renderWith('approle', 'event-authentication', 'approle-event-authentication'),
  ] as const,
  ['source filters', await renderWith('source-filters')] as const,
  ["a private authority of Vault's", await renderWith('vault-ca')] as const,
  ["the pods' own identity", await renderWith('projected-service-accounts')] as const,
  [
    "the pods' own identity, without Knative",
    await renderWithoutKnative('projected-service-accounts'),
  ] as const,
  ['the Prometheus Operator', await renderWith('../monitoring')] as const,
  ['a URL', (await renderWith('webhook-url')).map(renamed)] as const,
]);

test('every overlay and component is among them', async () => {
  const folders = async (of: string) =>
    (await readdir(join(projectRoot, 'knative', of), { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  expect(await folders('.')).toContain('monitoring');
  expect(await folders('overlays')).toEqual(['example', 'istio', 'without-knative']);
  expect(await folders('components')).toEqual([
    'approle',
    'approle-event-authentication',
    'event-authentication',
    'evict',
    'istio',
    'kourier',
    'notices',
    'projected-service-accounts',
    'source-filters',
    'vault-ca',
    'webhook-ca',
    'webhook-url',
  ]);
});

describe.each([...rendered])('%s', (_, manifests) => {
  test('is taken by the API server, every field of it', async () => {
    const { ok, output } = await wouldApply(manifests);
    expect(ok, output).toBe(true);
  });

  test('is all labelled as ours', () => {
    const others = manifests.filter(
      ({ metadata: { labels } }) => labels?.['app.kubernetes.io/part-of'] !== 'vault-db-injector',
    );
    expect(others.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
  });
});

test.each([
  ['on Knative', await renderWith('projected-service-accounts'), 'Service'],
  ['without it', await renderWithoutKnative('projected-service-accounts'), 'Deployment'],
])("with the pods' own identity the admission function is told so, %s", (_, manifests, kind) => {
  const functions = manifests.filter(
    (one) => one.kind === kind && one.metadata.name === 'admission' && 'template' in Object(one['spec']),
  );
  expect(functions.map((one) => JSON.stringify(one))).toEqual([
    expect.stringContaining('{"name":"INJECTOR_USE_PROJECTED_SA","value":"true"}'),
  ]);
});

const features: Readonly<Record<string, string>> = {
  'events of known senders only': 'authentication-oidc=enabled',
  'source filters': 'new-apiserversource-filters=enabled',
  AppRoles: 'new-apiserversource-filters=enabled',
  'AppRoles for events of known senders only': 'authentication-oidc=enabled',
};

test.each([...rendered].filter(([, manifests]) => manifests.some(({ kind }) => kind === 'Broker')))(
  "Knative's own validation finds no fault with %s",
  async (name, manifests) => {
    const feature = features[name];
    const verdicts = await judge(manifests, ...(feature ? [feature] : []));
    expect(verdicts.filter(({ faults }) => faults !== '')).toEqual([]);
    expect(verdicts.length).toBeGreaterThanOrEqual(7);
  },
);
