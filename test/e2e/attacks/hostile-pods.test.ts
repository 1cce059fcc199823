/** What the author of a pod may try, on the stack as it is installed: webhook, guard and function together. */
import { readFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, NOTHING, newSince, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { createPod, podWith, readPod, type StoredPod, tryCreatePod, uuidsOf } from '../support/pods.ts';
import { sendRaw } from '../support/raw-request.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

const UUID = 'db-creds-injector.numberly.io/uuid';
const theirs = 'hostile-pods';
const { kubernetes } = stack;
let victim: StoredPod;

beforeAll(async () => {
  await createNamespace(kubernetes, theirs);
  victim = await createPod(podWith({ role: 'gule-rw' }));
});

const pathOf = (name: string, namespace: string) => `/api/v1/namespaces/${namespace}/pods/${name}`;
const bystander = (name: string) =>
  createPod({
    ...podWith({}, { name, namespace: theirs, serviceAccount: 'default', labels: { app: 'x' } }),
  });

describe("a pod that would have another namespace's grant", () => {
  const stolen = () => uuidsOf(victim).join(',');

  test('by writing its uuid at the creation, with the label: it is given one of its own, and told so', async () => {
    const pod = await createPod(podWith({ role: 'gule-rw', uuid: stolen() }));
    expect(uuidsOf(pod)).not.toContain(stolen());
    expect(pod.warnings.join()).toContain('uuid');
  });

  test('by writing it at the creation, without the label: it is not created', async () => {
    const { refusal } = await tryCreatePod(
      podWith({ uuid: stolen() }, { namespace: theirs, serviceAccount: 'default', labels: { app: 'x' } }),
    );
    expect(refusal).toContain('is written by vault-db-injector only');
  });

  test('by a patch: it is refused', async () => {
    const { metadata } = await bystander('by-patch');
    const path = `${pathOf(metadata.name, theirs)}`;
    const pod = Object.assign({}, await kubernetes.call('GET', path));
    const changed = {
      ...pod,
      metadata: { ...metadata, namespace: theirs, annotations: { [UUID]: stolen() } },
    };
    const { status, body } = await kubernetes.ask('PUT', path, changed);
    expect([status, body]).toEqual([403, expect.stringContaining('cannot be set, changed or removed')]);
  });

  test('by server-side apply: it is refused', async () => {
    const { metadata } = await bystander('by-apply');
    const applied = kubernetes.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: metadata.name, namespace: theirs, annotations: { [UUID]: stolen() } },
    });
    await expect(applied).rejects.toThrow('cannot be set, changed or removed');
  });
});

test('the label cannot be taken off a live pod, which would have its deletion announced', async () => {
  const path = pathOf(victim.metadata.name, exampleNamespace);
  const pod = Object.assign({ metadata: {} }, await kubernetes.call('GET', path));
  const changed = { ...pod, metadata: { ...pod.metadata, labels: {} } };
  const { status, body } = await kubernetes.ask('PUT', path, changed);
  expect([status, body]).toEqual([403, expect.stringContaining('vault-db-injector decides')]);
  expect(uuidsOf(await readPod(victim.metadata.name))).toEqual(uuidsOf(victim));
});

describe('annotations', () => {
  let before: Census;
  beforeEach(async () => {
    before = await takeCensus();
  });

  test.each([
    ['a mount that leaves its path', { role: 'gule-rw', cluster: '../../sys' }, 'cluster'],
    ["Vault's own mount", { role: 'gule-rw', cluster: 'sys' }, 'cluster'],
    ['a role that is the function’s', { role: 'vault-db-injector-admission' }, 'is the injector'],
    ['a role that is the job’s', { role: 'vault-db-injector-renewal' }, 'does not allow namespace'],
    ['a role with a line break', { role: 'gule-rw\n{"level":50,"msg":"forged"}' }, 'role'],
  ])('%s: the pod is denied, and nothing is issued', async (_, annotations, reason) => {
    const { refusal } = await tryCreatePod(podWith(annotations));
    expect(refusal).toContain(reason);
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test('ten megabytes: neither the API server nor the function takes it', async () => {
    const pod = podWith({ role: 'x'.repeat(10 * 1024 * 1024) });
    expect((await tryCreatePod(pod).catch(() => ({ refusal: 'cut off' }))).refusal).toBeDefined();
    const own = await startAdmission(await startFaultProxy());
    const pieces = [Buffer.from(JSON.stringify(reviewOf(pod)))];
    expect((await sendRaw(`${own.url}${own.path}`, { pieces })).status).toBe(413);
    expect(await newSince(before)).toEqual(NOTHING);
  });

  test('as many as the API server takes: answered with one line', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, index) => [`db${index}.role`, 'gule-rw']),
    );
    const { refusal = '' } = await tryCreatePod(podWith(many));
    expect(refusal).not.toBe('');
    expect(refusal).not.toContain('\n');
    expect(await newSince(before)).toEqual(NOTHING);
  });
});

describe('a review', () => {
  let own: AdmissionFunction;
  beforeAll(async () => {
    own = await startAdmission(await startFaultProxy());
  });

  test('that lies about its namespace is refused', async () => {
    const review = reviewOf(podWith({ role: 'gule-rw' }, { namespace: theirs }));
    const lie = { ...review, request: { ...review.request, namespace: exampleNamespace } };
    await expect(ask(own, lie)).rejects.toThrow('HTTP 400');
  });

  test('writes one line into the log, whatever it holds', async () => {
    const before = (await own.log()).split('\n').length;
    const forged = '\n{"level":"info","msg":"grant revoked","uuid":"forged"}\n';
    await ask(own, reviewOf(podWith({ role: forged, [`${forged}.role`]: forged }, { name: forged })));
    const written = async () => (await readFile(own.logFile, 'utf8')).split('\n').slice(before - 1, -1);
    // The answer may come before the line.
    await expect.poll(written).toHaveLength(1);
    const lines = await written();
    for (const line of lines) expect(JSON.parse(line)).not.toMatchObject({ uuid: 'forged' });
  });
});
