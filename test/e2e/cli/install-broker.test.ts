/** A Broker that delivers one event after the other, as older versions made it: it is recreated, if that is confirmed. */
import { beforeAll, expect, test } from 'vitest';
import { until } from '../../stack/wait.ts';
import { installedFirst, openInstalling } from '../support/installing.ts';

const installing = await openInstalling('install-broker');
const { cluster, get, install } = installing;
installedFirst(installing);

const BROKER = 'broker.eventing.knative.dev/pods';
const CHANNEL = 'inmemorychannel.messaging.knative.dev/pods-kne-trigger';
const ASYNC = '--output=jsonpath={.metadata.annotations.messaging\\.knative\\.dev/async-handler}';
const uidOf = (object: string) => get(object, '--output=jsonpath={.metadata.uid}');
const sourcePods = () => get('pods', '--selector=eventing.knative.dev/sourceName=pods', '--output=name');
let old: string[];

beforeAll(async () => {
  await cluster.kubectl('delete', BROKER, CHANNEL, '--namespace=vault-injector');
  const metadata = { name: 'pods', namespace: 'vault-injector' };
  await cluster.admin.apply({ apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', metadata });
  await until('the channel is made', async () =>
    (await get(CHANNEL, '--ignore-not-found', '--output=name')).includes('pods-kne-trigger'),
  );
  await cluster.admin.apply({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'vault-injector' },
  });
  // The pod that Knative creates for the source; no kubelet ends it, so it has no node.
  await cluster.admin.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'source-of-before',
      namespace: 'vault-injector',
      labels: { 'eventing.knative.dev/sourceName': 'pods' },
    },
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'source',
          image: 'source',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  });
  old = [await uidOf(BROKER), await uidOf(CHANNEL)];
  // Ages are in whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
});

test('is told of by a dry run, and made again only if that is meant', async () => {
  const dry = await install('--dry-run');
  expect([dry.code, dry.text]).toEqual([
    0,
    expect.stringMatching(/^Would recreate the Broker: it has no annotation .*are lost: the next sweep/m),
  ]);
  const { code, text } = await install();
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/the Broker has to be recreated: .*add --yes\. Nothing was changed/s),
  ]);
  expect([await uidOf(BROKER), await uidOf(CHANNEL)]).toEqual(old);
  expect(await sourcePods()).toContain('source-of-before');
});

test('is made again with its channel, and the pod of its source restarted', async () => {
  const { code, text } = await install('--yes');
  expect([code, text]).toEqual([0, expect.stringMatching(/^The source's pod was restarted/m)]);
  expect([await get(BROKER, ASYNC), await get(CHANNEL, ASYNC)]).toEqual(['true', 'true']);
  expect(old).not.toContain(await uidOf(BROKER));
  expect(old).not.toContain(await uidOf(CHANNEL));
  expect(await sourcePods()).toBe('');
});

test('is no reason to do so twice', async () => {
  const { code, text } = await install('--yes');
  expect([code, text]).toEqual([0, expect.stringContaining('nothing was changed')]);
  expect(text).not.toContain('restarted');
});

test('that was only given the annotation later is not taken for mended', async () => {
  const without = 'messaging.knative.dev/async-handler-';
  await cluster.kubectl('annotate', CHANNEL, without, '--namespace=vault-injector');
  const { code, text } = await install('--dry-run');
  expect([code, text]).toEqual([
    0,
    expect.stringMatching(/^Would recreate the Broker: its channel has no annotation/m),
  ]);
  expect((await install('--yes')).code).toBe(0);
  expect(await get(CHANNEL, ASYNC)).toBe('true');
});
