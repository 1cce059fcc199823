/** A field that does not exist is found out, in every kind: by the API server, or by Knative's own code. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../stack/kubernetes/api.ts';
import { renderManifests } from '../../stack/manifests.ts';
import { judge } from '../support/knative-validation.ts';
import { wouldApply } from '../support/kubectl.ts';
import { renderWith } from '../support/kustomizations.ts';
import { bringMonitoringKinds } from '../support/monitoring/kinds.ts';

await bringMonitoringKinds();
const byDefault = await renderManifests();
const manifests = [
  ...byDefault,
  ...(await renderManifests('knative/overlays/without-knative')),
  ...(await renderWith('event-authentication')),
  ...(await renderWith('../monitoring')),
];
const kinds = [...new Map(manifests.map((one) => [`${one.apiVersion} ${one.kind}`, one]))];

/** Adds an unknown field, as deep as the manifest's own fields begin. */
function misspelt(manifest: Manifest): Manifest {
  const inside = ['spec', 'webhooks', 'rules', 'subjects'].find((field) => manifest[field] !== undefined);
  if (inside === undefined) return { ...manifest, mispelt: true };
  const value = manifest[inside];
  const wrong = Array.isArray(value)
    ? value.map((item: object) => ({ ...item, mispelt: true }))
    : { ...(typeof value === 'object' ? value : {}), mispelt: true };
  return { ...manifest, [inside]: wrong };
}

// Their definitions let the API server take whatever stands in their `spec`.
const open = ['Trigger', 'ApiServerSource'];

test.each(kinds.filter(([, { kind }]) => !open.includes(kind)))(
  'the API server refuses one in %s',
  async (_, manifest) => {
    const { ok, output } = await wouldApply([misspelt(manifest)]);
    expect([ok, output]).toEqual([
      false,
      expect.stringMatching(/field not declared in schema|unknown field/),
    ]);
  },
);

const knatives = /^(?:serving|eventing|sources)\.knative\.dev\//;

test.each(kinds.filter(([, { apiVersion }]) => knatives.test(apiVersion)))(
  'Knative refuses one in %s',
  async (_, manifest) => {
    expect(await judge([misspelt(manifest)])).toMatchObject([{ faults: 'json: unknown field "mispelt"' }]);
  },
);

describe('what the definitions of its kinds allow, and Knative does not', () => {
  const faultsIn = async (verdicts: ReturnType<typeof judge>) =>
    (await verdicts).filter(({ faults }) => faults !== '');

  test('a security context of the pod, without a feature flag', async () => {
    const changed = byDefault.map((one) =>
      one.apiVersion.startsWith('serving.knative.dev/v1') && one.kind === 'Service' ? secured(one) : one,
    );
    const fault = {
      kind: 'Service',
      faults: expect.stringContaining('must not set the field(s): spec.template.spec.securityContext'),
    };
    expect(await faultsIn(judge(changed))).toEqual(Array(3).fill(expect.objectContaining(fault)));
  });

  test('an EventPolicy, where senders are not known', async () => {
    const faults = expect.stringContaining('oidc-authentication feature not enabled');
    const found = await faultsIn(judge(await renderWith('event-authentication')));
    expect(found).toEqual([{ kind: 'EventPolicy', name: 'pods', faults }]);
  });

  test('filters of a source, where they are switched off', async () => {
    const faults = expect.stringContaining('NewAPIServerFilters feature is disabled');
    const found = await faultsIn(judge(await renderWith('source-filters')));
    expect(found).toEqual([{ kind: 'ApiServerSource', name: 'pods', faults }]);
  });
});

const AnyService = v.looseObject({
  spec: v.looseObject({ template: v.looseObject({ spec: v.looseObject({}) }) }),
});

function secured(manifest: Manifest): Manifest {
  const { spec } = v.parse(AnyService, manifest);
  const inside = { ...spec.template.spec, securityContext: { runAsNonRoot: true } };
  return { ...manifest, spec: { ...spec, template: { ...spec.template, spec: inside } } };
}
