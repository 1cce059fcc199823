import { describe, expect, test } from 'vitest';
import { knative } from '../../../../cli/doctor/knative.ts';
import { factsOf } from './facts.ts';

const SERVICE = '/apis/serving.knative.dev/v1/namespaces/vault-injector/services/admission';
const DEPLOYMENT = '/apis/apps/v1/namespaces/vault-injector/deployments/admission';
const object = (type: string, status: string, more: object = {}) => ({
  metadata: { generation: 2 },
  status: { observedGeneration: 2, conditions: [{ type, status, ...more }] },
});
const lookAt = (name: string, objects: Readonly<Record<string, object>>) =>
  knative(factsOf(objects))
    .find((check) => check.name === name)
    ?.look();

describe('Service admission', () => {
  test.each([
    ['is ready', object('Ready', 'True'), { state: 'ok', detail: 'ready' }],
    [
      'is not',
      object('Ready', 'False', { reason: 'RevisionFailed', message: 'no image' }),
      {
        state: 'failed',
        detail: 'Ready is False: no image',
        mend: 'kubectl --namespace vault-injector describe services.serving.knative.dev admission',
      },
    ],
    ['is what nobody has reported on', { metadata: {} }, { state: 'failed' }],
    [
      'is being changed',
      { ...object('Ready', 'True'), metadata: { generation: 3 } },
      { state: 'unknown', detail: 'its controller has not seen the last change yet' },
    ],
  ])('%s', async (_, found, expected) => {
    expect(await lookAt('Service admission', { [SERVICE]: found })).toMatchObject(expected);
  });

  test('is not there', async () => {
    expect(await lookAt('Service admission', {})).toEqual({
      state: 'failed',
      detail: 'is not there',
      mend: 'npx vault-db-injector install',
    });
  });
});

describe('without Knative', () => {
  const objects = { [DEPLOYMENT]: object('Available', 'True') };

  test('the function is a Deployment', async () => {
    expect(await lookAt('Service admission', objects)).toEqual({ state: 'ok', detail: 'available' });
  });

  test('the rest is no part of it, and nothing is wrong', async () => {
    expect(await lookAt('Broker pods', objects)).toMatchObject({ state: 'ok' });
  });
});

describe('AppRole tokens', () => {
  const at = (group: string, plural: string) => `/apis/${group}/namespaces/vault-injector/${plural}/approle`;
  const places = [
    at('serving.knative.dev/v1', 'services'),
    at('eventing.knative.dev/v1', 'brokers'),
    at('eventing.knative.dev/v1', 'triggers'),
    at('sources.knative.dev/v1', 'apiserversources'),
  ];
  const annotations = { 'messaging.knative.dev/async-handler': 'true' };
  const ready = object('Ready', 'True');
  const all = Object.fromEntries(
    places.map((path) => [path, { ...ready, metadata: { ...ready.metadata, annotations } }]),
  );

  test('need not be installed', async () => {
    expect(await lookAt('AppRole tokens', {})).toEqual({ state: 'ok', detail: 'not installed' });
  });

  test('are, and all of it is ready', async () => {
    expect(await lookAt('AppRole tokens', all)).toEqual({ state: 'ok', detail: 'ready' });
  });

  test('are in part', async () => {
    const { [places[1] ?? '']: _, ...without } = all;
    expect(await lookAt('AppRole tokens', without)).toEqual({
      state: 'failed',
      detail: 'Broker approle: is not there',
      mend: 'kubectl apply --kustomize OVERLAY, with components/approle',
    });
  });

  test('are, and something is not well', async () => {
    const broken = { ...all, [places[3] ?? '']: object('Ready', 'False', { reason: 'SinkMissing' }) };
    expect(await lookAt('AppRole tokens', broken)).toEqual({
      state: 'failed',
      detail: 'ApiServerSource approle: Ready is False: SinkMissing',
      mend: 'kubectl --namespace vault-injector describe apiserversources.sources.knative.dev approle',
    });
  });
});

describe('a Broker of Knative', () => {
  const BROKER = '/apis/eventing.knative.dev/v1/namespaces/vault-injector/brokers/pods';
  const CHANNEL =
    '/apis/messaging.knative.dev/v1/namespaces/vault-injector/inmemorychannels/pods-kne-trigger';
  const PODS =
    '/api/v1/namespaces/vault-injector/pods?labelSelector=eventing.knative.dev%2FsourceName%3Dpods';
  const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/brokers.eventing.knative.dev';
  const ASYNC = { 'messaging.knative.dev/async-handler': 'true' };
  const ready = object('Ready', 'True');
  const broker = (annotations: object, status: object = {}) => ({
    metadata: { ...ready.metadata, annotations, creationTimestamp: '2026-01-02T00:00:00Z' },
    status: { ...ready.status, annotations: status },
  });
  const channel = (annotations: object) => ({ metadata: { annotations } });
  const pod = (creationTimestamp: string) => ({ items: [{ metadata: { creationTimestamp } }] });
  const release = (version: string) => ({ metadata: { labels: { 'app.kubernetes.io/version': version } } });
  const AGAIN = 'npx vault-db-injector install --yes';

  test.each([
    ['delivers at once', { [BROKER]: broker(ASYNC), [CHANNEL]: channel(ASYNC) }, { state: 'ok' }],
    ['has no channel yet', { [BROKER]: broker(ASYNC) }, { state: 'ok' }],
    [
      'has a channel that a policy without use keeps from being ready',
      {
        [BROKER]: broker(ASYNC),
        [CHANNEL]: { ...object('Ready', 'False', { reason: 'EventPoliciesNotReady' }), ...channel(ASYNC) },
      },
      {
        state: 'failed',
        detail: expect.stringMatching(/^its channel is not ready: EventPoliciesNotReady; no event passes/),
        mend: expect.stringContaining('--selector eventing.knative.dev/broker-name=pods'),
      },
    ],
    [
      'has a channel that is not ready for another reason',
      {
        [BROKER]: broker(ASYNC),
        [CHANNEL]: { ...object('Ready', 'False', { reason: 'DispatcherNotReady' }), ...channel(ASYNC) },
      },
      { state: 'failed', mend: expect.stringContaining('describe inmemorychannels') },
    ],
    [
      'has no annotation',
      { [BROKER]: broker({}), [CHANNEL]: channel({}) },
      { state: 'failed', detail: expect.stringMatching(/^it has no annotation /), mend: AGAIN },
    ],
    [
      'has the annotation switched off',
      { [BROKER]: broker({ 'messaging.knative.dev/async-handler': 'false' }) },
      { state: 'failed', mend: AGAIN },
    ],
    [
      'was given it when its channel was there',
      { [BROKER]: broker(ASYNC), [CHANNEL]: channel({}) },
      { state: 'failed', detail: expect.stringMatching(/^its channel has no annotation /), mend: AGAIN },
    ],
    [
      'is of a Knative that does not know it',
      { [BROKER]: broker(ASYNC), [CHANNEL]: channel({}), [DEFINITION]: release('1.16.4') },
      { state: 'failed', mend: expect.stringMatching(/^upgrade Knative Eventing to 1\.17 or newer/) },
    ],
    [
      'is of one that does',
      { [BROKER]: broker(ASYNC), [CHANNEL]: channel({}), [DEFINITION]: release('v1.17.0') },
      { state: 'failed', mend: AGAIN },
    ],
    [
      'is younger than the pod of its source',
      { [BROKER]: broker(ASYNC), [CHANNEL]: channel(ASYNC), [PODS]: pod('2026-01-01T23:59:59Z') },
      {
        state: 'failed',
        mend: 'kubectl --namespace vault-injector delete pods --selector eventing.knative.dev/sourceName=pods',
      },
    ],
    [
      'is older than it',
      { [BROKER]: broker(ASYNC), [CHANNEL]: channel(ASYNC), [PODS]: pod('2026-01-02T00:00:09Z') },
      { state: 'ok' },
    ],
    ['is on Kafka', { [BROKER]: broker({ 'eventing.knative.dev/broker.class': 'Kafka' }) }, { state: 'ok' }],
    [
      'is on a channel in Kafka',
      { [BROKER]: broker({}, { 'knative.dev/channelKind': 'KafkaChannel' }) },
      { state: 'ok' },
    ],
  ])('%s', async (_, objects, expected) => {
    expect(await lookAt('Broker pods', objects)).toMatchObject(expected);
  });
});
