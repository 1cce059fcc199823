/** An installation without Knative lacks nothing: what hears of deleted pods is no part of it. */
import { expect, test } from 'vitest';
import { rightsInCluster } from '../../../../cli/doctor/cluster-rights.ts';
import { createFacts } from '../../../../cli/doctor/facts.ts';
import { NO_PART } from '../../../../cli/doctor/parts-of.ts';
import { login, rightsInVault } from '../../../../cli/doctor/vault.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { factsOf } from './facts.ts';

const SERVICE = '/apis/serving.knative.dev/v1/namespaces/vault-injector/services/admission';
const DEPLOYMENT = '/apis/apps/v1/namespaces/vault-injector/deployments/admission';
const SERVED = { kind: 'any' };

const without = { ...factsOf({}), withKnative: async () => false };
const checks = [
  login(without, 'revocation'),
  rightsInVault(without, 'revocation'),
  ...rightsInCluster(without).filter(({ name }) => /revocation|dead-letters|events|replay/.test(name)),
];

test.each(checks.map(({ name, look }) => [name, look] as const))('%s', async (_, look) => {
  expect(await look()).toEqual({ state: 'ok', detail: NO_PART });
});

test('there are six of them', () => expect(checks).toHaveLength(6));

test.each([
  ['with both, as between two installations', { [SERVICE]: SERVED, [DEPLOYMENT]: SERVED }, true],
  ['with a Service', { [SERVICE]: SERVED }, true],
  ['with a Deployment', { [DEPLOYMENT]: SERVED }, false],
  ['with neither, so that what is missing is told', {}, true],
])('an installation %s', async (_, objects, expected) => {
  const { api } = factsOf(objects);
  expect(await createFacts(api, {}, {}).withKnative()).toBe(expected);
});

test('where nobody may look, it is taken for one with Knative', async () => {
  const { api } = factsOf({});
  const send = async () => {
    throw new KubernetesError('kubernetes_denied', 'no', 403);
  };
  expect(await createFacts({ ...api, send }, {}, {}).withKnative()).toBe(true);
});
