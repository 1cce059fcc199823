/** The guard of the annotation `uuid` and of the label, on the API server itself: every way by which a pod's metadata changes. */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { renderManifests } from '../../stack/manifests.ts';
import { kubectl } from '../support/kubectl.ts';
import { type Change, type Place, patch, readMetadata, readWhole, ways } from '../support/pod-changes.ts';
import { createPod, podWith, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

const uuid = 'db-creds-injector.numberly.io/uuid';
const label = 'vault-db-injector';
const namespace = `guarded-${randomUUID().slice(0, 8)}`;
const forged = '019a0000-0000-7000-8000-000000000000';

beforeAll(() => createNamespace(stack.kubernetes, namespace));

/** A pod with credentials, by the webhook. */
async function labelled(): Promise<Place> {
  const { metadata } = await createPod(podWith({ role: 'gule-rw' }));
  return { namespace: exampleNamespace, name: metadata.name };
}

async function plain(): Promise<Place> {
  const pod = podWith({ note: 'x' }, { namespace, labels: { app: 'plain' }, serviceAccount: null });
  return { namespace, name: (await createPod(pod)).metadata.name };
}

const annotation = (value: string | null): Change => ({ labels: {}, annotations: { [uuid]: value } });
const labelTo = (value: string | null): Change => ({ labels: { [label]: value }, annotations: {} });

const told = {
  annotation:
    /pod [\w-]+\/[\w-]+: the annotation db-creds-injector.numberly.io\/uuid says which .* Leave it unchanged, or recreate the pod\./,
  label:
    /pod [\w-]+\/[\w-]+: the label vault-db-injector decides when .* Leave it unchanged, or change it in the pod's source/,
};

describe.each(Object.entries(ways))('by %s', (_, way) => {
  const rows = [
    ['set the annotation of a pod without', plain, annotation(forged), told.annotation],
    ['change the annotation', labelled, annotation(forged), told.annotation],
    ['remove the annotation', labelled, annotation(null), told.annotation],
    ['put the label on', plain, labelTo('true'), told.label],
    ['change the label', labelled, labelTo('false'), told.label],
    ['take the label off', labelled, labelTo(null), told.label],
  ] as const;

  test.each(rows)('nobody can %s', async (__, make, change, message) => {
    const place = await make();
    const before = await readMetadata(place);
    const { ok, output } = await way(place, change);
    expect([ok, output]).toEqual([false, expect.stringMatching(message)]);
    expect(await readMetadata(place)).toEqual(before);
  });

  test('other annotations and labels change as ever', async () => {
    const place = await labelled();
    const other: Change = { labels: { tier: 'x' }, annotations: { note: 'y' } };
    const { ok, output } = await way(place, other);
    expect(ok, output).toBe(true);
    expect(await readMetadata(place)).toMatchObject(other);
  });
});

describe('by server-side apply', () => {
  const apply = (manifest: object) =>
    kubectl(
      ['apply', '--server-side', '--force-conflicts', '--field-manager=owner', '--filename=-'],
      JSON.stringify(manifest),
    );

  test.each([
    ['set the annotation', annotation(forged), told.annotation],
    ['put the label on', labelTo('true'), told.label],
  ])('nobody can %s', async (_, change, message) => {
    const place = await plain();
    const { ok, output } = await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { ...place, ...change } });
    expect([ok, output]).toEqual([false, expect.stringMatching(message)]);
  });

  test('nobody can take the label off a pod that they had applied', async () => {
    const manifest = podWith({ role: 'gule-rw' });
    expect(await apply(manifest)).toMatchObject({ ok: true });
    const { labels: _, ...metadata } = manifest.metadata;
    const { ok, output } = await apply({ ...manifest, metadata });
    expect([ok, output]).toEqual([false, expect.stringMatching(told.label)]);
  });

  test('a pod can be applied again as it was', async () => {
    const manifest = podWith({ role: 'gule-rw' });
    expect(await apply(manifest)).toMatchObject({ ok: true });
    expect(await apply(manifest)).toMatchObject({ ok: true });
  });
});

describe('by what changes a part of the pod only', () => {
  const debug = { ephemeralContainers: [{ name: 'debug', image: 'busybox', targetContainerName: 'app' }] };

  test.each(['ephemeralcontainers', 'resize'])('%s leaves annotation and label as they are', async (part) => {
    const place = await labelled();
    const before = await readMetadata(place);
    await patch(place, 'strategic', { metadata: { ...annotation(forged), ...labelTo('false') } }, part);
    expect(await readMetadata(place)).toEqual(before);
  });

  test('ephemeral containers are added as ever', async () => {
    const place = await labelled();
    const { ok, output } = await patch(place, 'strategic', { spec: debug }, 'ephemeralcontainers');
    expect(ok, output).toBe(true);
    expect(await readWhole(place)).toMatchObject({ spec: debug });
  });

  test('its status is written as ever, and it is finished and deleted as ever', async () => {
    const place = await labelled();
    const path = `/api/v1/namespaces/${place.namespace}/pods/${place.name}`;
    const steps = [
      () => patch(place, 'merge', { status: { phase: 'Running' } }, 'status'),
      () => patch(place, 'merge', { metadata: { finalizers: ['stack.test/hold'] } }),
      () => kubectl(['delete', 'pod', place.name, '-n', place.namespace, '--wait=false', '--grace-period=0']),
      () => patch(place, 'merge', { metadata: { finalizers: null } }),
    ];
    for (const step of steps) expect(await step()).toMatchObject({ ok: true });
    expect((await stack.kubernetes.ask('GET', path)).status).toBe(404);
  });
});

describe('by its binding to a node, which hands labels and annotations over,', () => {
  const paths = [
    ['pods/binding', ({ namespace: of, name }: Place) => `/api/v1/namespaces/${of}/pods/${name}/binding`],
    ['bindings', ({ namespace: of }: Place) => `/api/v1/namespaces/${of}/bindings`],
  ] as const;
  const bindingOf = ({ name }: Place, metadata: object) => ({
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { ...metadata, name },
    target: { apiVersion: 'v1', kind: 'Node', name: 'node' },
  });

  describe.each(paths)('%s,', (_, pathOf) => {
    test.each([
      ['set the annotation', { annotations: { [uuid]: forged } }],
      ['put the label on', { labels: { [label]: 'true' } }],
    ])('nobody can %s', async (__, metadata) => {
      const place = await plain();
      const before = await readMetadata(place);
      const { status, body } = await stack.kubernetes.ask('POST', pathOf(place), bindingOf(place, metadata));
      expect(status).toBe(403);
      expect(body).toMatch(/binding of pod [\w-]+\/[\w-]+: neither .* Remove them from the binding\./);
      expect(await readMetadata(place)).toEqual(before);
    });

    test('pods are bound as ever', async () => {
      const place = await labelled();
      const binding = bindingOf(place, { annotations: { note: 'y' }, labels: { zone: 'x' } });
      expect((await stack.kubernetes.ask('POST', pathOf(place), binding)).status).toBe(201);
      expect(await readWhole(place)).toMatchObject({
        // Its labels as well, by newer API servers than 1.30.
        metadata: { annotations: { note: 'y' } },
        spec: { nodeName: 'node' },
      });
    });
  });
});

describe('at its creation', () => {
  test.each([{}, { [label]: 'false' }, { [label]: 'TRUE' }])(
    'a pod with the labels %o has no annotation of its own making',
    async (labels) => {
      const { refusal } = await tryCreatePod(
        podWith({ uuid: forged }, { namespace, labels, serviceAccount: null }),
      );
      expect(refusal).toMatch(
        /pod guarded-\w+\/[\w-]+: the annotation .*\/uuid is written by vault-db-injector only, .* Remove the annotation, or add the label\./,
      );
    },
  );

  test('a pod with the label has what the webhook writes, whatever stood there', async () => {
    const stored = await createPod(podWith({ role: 'gule-rw', uuid: forged }));
    expect(uuidsOf(stored)).toHaveLength(1);
    expect(uuidsOf(stored)).not.toContain(forged);
  });

  test.each([
    ['vault', { serviceAccount: 'vault' }],
    ['vault', { serviceAccount: 'vault', labels: {} }],
    ['knative-eventing', {}],
  ])('a pod of %s, which the webhook leaves out, cannot have it', async (left, wishes) => {
    await createNamespace(stack.kubernetes, left);
    const pod = podWith({ uuid: forged }, { serviceAccount: null, ...wishes, namespace: left });
    // Either of two policies may refuse a pod without the label.
    expect((await tryCreatePod(pod)).refusal).toMatch(
      'labels' in wishes
        ? /annotation/
        : /: vault-db-injector gives no database credentials to pods of this namespace/,
    );
    const without = { ...pod, metadata: { ...pod.metadata, annotations: {} } };
    expect((await tryCreatePod(without, '?dryRun=All')).refusal).toBeUndefined();
  });
});

const Selector = v.object({
  matchExpressions: v.tuple([
    v.object({
      key: v.literal('kubernetes.io/metadata.name'),
      operator: v.string(),
      values: v.array(v.string()),
    }),
  ]),
});
const Webhook = v.object({ webhooks: v.tuple([v.object({ namespaceSelector: Selector })]) });
const LeftOut = v.object({ spec: v.object({ matchConstraints: v.object({ namespaceSelector: Selector }) }) });

test('the guard and the webhook leave out the same namespaces', async () => {
  const manifests = await renderManifests();
  const find = (kind: string, name: string) =>
    manifests.find((one) => one.kind === kind && one.metadata.name === name);
  const [{ namespaceSelector }] = v.parse(
    Webhook,
    find('MutatingWebhookConfiguration', 'vault-db-injector'),
  ).webhooks;
  const policy = v.parse(LeftOut, find('ValidatingAdmissionPolicy', 'vault-db-injector-left-out-namespaces'));
  const [webhooks] = namespaceSelector.matchExpressions;
  const [guards] = policy.spec.matchConstraints.namespaceSelector.matchExpressions;
  expect([webhooks.operator, guards.operator]).toEqual(['NotIn', 'In']);
  expect(guards.values).toEqual(webhooks.values);
});
