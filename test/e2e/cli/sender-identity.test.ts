/** Knative's sender identity, switched on and off again below an installation: nothing of it may stay. */
import { expect, test } from 'vitest';
import { bringKnative, startBareCluster } from '../support/bare-cluster.ts';
import { askedFor, commandsOn } from '../support/commands.ts';
import { startControllers } from '../support/controllers.ts';
import { startInstalledFunction } from '../support/installed-function.ts';

const cluster = await startBareCluster('sender-identity');
await bringKnative(cluster);
const admission = await startInstalledFunction(cluster, 'sender-identity');
const controllers = startControllers(cluster, { startAdmission: admission.mountSecret });
const { install } = commandsOn(cluster);

const POLICIES = '/apis/eventing.knative.dev/v1alpha1/namespaces/vault-injector/eventpolicies';
const policies = async () =>
  (await cluster.kubectl('get', 'eventpolicies', '--namespace=vault-injector', '--output=name')).split('\n');
const identity = (value: string) =>
  cluster.admin.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'config-features', namespace: 'knative-eventing' },
    data: { 'authentication-oidc': value },
  });

test('where it is on, a policy comes with the Broker', async () => {
  await identity('enabled');
  const asked = askedFor('https://vault.secrets.svc:8200', 'mine');
  const { code, text } = await install(...asked, ...admission.way);
  expect([code, text]).toEqual([0, expect.stringContaining('EventPolicy pods')]);
  // As Knative's controller makes it of ours for the Broker's channel. It does not take it away again.
  await cluster.admin.call('POST', POLICIES, {
    apiVersion: 'eventing.knative.dev/v1alpha1',
    kind: 'EventPolicy',
    metadata: {
      name: 'pods-ep-pods-kne-trigger',
      namespace: 'vault-injector',
      labels: { 'eventing.knative.dev/broker-name': 'pods' },
    },
    spec: {},
  });
  expect(await policies()).toHaveLength(2);
});

test('where it is off again, both go before anything is waited for: with them, no Broker becomes ready', async () => {
  await identity('disabled');
  controllers.failing.set('brokers', 'EventPoliciesNotReady');
  const { code, text } = await install('--timeout', '2');
  expect([code, text]).toEqual([1, expect.stringContaining('EventPoliciesNotReady')]);
  expect(await policies()).toEqual(['']);
});
