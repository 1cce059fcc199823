/** Events as anybody may send them: forged, repeated, reordered, broken. None of them hurts a live pod. */
import { describe, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { createNamespace } from '../../stack/kubernetes/objects.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { revocationBehindProxy } from '../support/behind-proxy.ts';
import { canLogIn, usersLeft } from '../support/fleet-state.ts';
import { DELETED, dataOf, send } from '../support/revoking.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';
import { requestsDuring } from '../support/vault-counters.ts';

const { fleet, proxy, revocation, deleted } = await revocationBehindProxy();

/** The outcomes that it has counted since. */
async function outcomesOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await revocation.outcomes();
  await work();
  const now = Object.entries(await revocation.outcomes());
  return Object.fromEntries(
    now.map(([name, value]) => [name, value - (before[name] ?? 0)]).filter(([, value]) => value !== 0),
  );
}

describe('a delete event', () => {
  test('costs at most four calls to Vault', async () => {
    await send(revocation, { data: dataOf(await deleted()) });
    const pod = await deleted();
    const requests = await requestsDuring(async () => {
      expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    });
    expect(requests).toBeLessThanOrEqual(4);
    expect(await usersLeft(fleet)).not.toContain(pod.user);
  });

  test('three times, and once more after the sweep: the work is done once', async () => {
    const pod = await deleted();
    const outcomes = await outcomesOf(async () => {
      for (const id of ['1', '2', '2']) {
        expect((await send(revocation, { id, data: dataOf(pod) })).status).toBe(204);
      }
      expect((await sweepIn(AFTER_GRACE, fleet)).report.revoked).toBe(0);
      expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    });
    expect(outcomes).toEqual({ revoked: 1, no_record: 3 });
    expect([proxy.count('revoke'), proxy.count('forget')]).toEqual([1, 1]);
  });

  test('of what the sweep has revoked before: nothing is left to do', async () => {
    const pod = await deleted();
    expect((await sweepIn(AFTER_GRACE, fleet)).report.revoked).toBe(1);
    const outcomes = await outcomesOf(() => send(revocation, { data: dataOf(pod) }));
    expect([outcomes, proxy.count('revoke')]).toEqual([{ no_record: 1 }, 0]);
  });

  test('eight times at the same moment: Vault is asked once', async () => {
    const pod = await deleted();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, id) => send(revocation, { id: `${id}`, data: dataOf(pod) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 204));
    expect([proxy.count('revoke'), proxy.count('lease revocation'), proxy.count('forget')]).toEqual([
      1, 1, 1,
    ]);
  });

  test('of a pod that lives: it is done no harm', async () => {
    const pod = await fleet.pod();
    const outcomes = await outcomesOf(() => send(revocation, { data: dataOf(pod) }));
    expect([outcomes, proxy.count('revoke')]).toEqual([{ alive: 1 }, 0]);
    expect(await canLogIn(pod)).toBe(true);
  });

  test('that names the grant of another pod that lives: refused', async () => {
    const [victim, gone] = [await fleet.pod(), await deleted()];
    const outcomes = await outcomesOf(() =>
      send(revocation, { data: dataOf({ ...gone, uuids: [victim.uuid] }) }),
    );
    expect(outcomes).toEqual({ refused: 1 });
    expect(await canLogIn(victim)).toBe(true);
  });

  test("that names another namespace's grant: refused, counted, and a security line in the log", async () => {
    await addAppRole(stack.vault, { name: 'anywhere', namespaces: ['*'] });
    await createNamespace(stack.kubernetes, 'forgers', [exampleAccount]);
    const victim = await fleet.pod();
    const forged = { namespace: 'forgers', name: 'forged', uuids: [victim.uuid] };
    const outcomes = await outcomesOf(async () =>
      expect((await send(revocation, { data: dataOf(forged) })).status).toBe(204),
    );
    expect([outcomes, proxy.count('revoke')]).toEqual([{ refused: 1 }, 0]);
    expect(await revocation.log()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: "security: a delete event is refused: the grant is another namespace's",
        uuid: victim.uuid,
        namespace: 'forgers',
        pod: 'forged',
      }),
    );
    expect(await canLogIn(victim)).toBe(true);
  });

  test.each(['no-uuid', '../other-prefix/x', '00000000-0000-0000-0000-00000000000g', '%2e%2e'])(
    'with %s for a uuid: refused before Vault is asked',
    async (uuid) => {
      const outcomes = await outcomesOf(() =>
        send(revocation, { data: dataOf({ namespace: exampleNamespace, name: 'x', uuids: [uuid] }) }),
      );
      expect([outcomes, proxy.total()]).toEqual([{ refused: 1 }, 0]);
    },
  );

  test('without grants, or with several: each is seen to', async () => {
    const [one, two] = [await deleted(), await deleted()];
    expect((await send(revocation, { data: dataOf({ ...one, uuids: [] }) })).status).toBe(204);
    const both = { ...one, uuids: [one.uuid, two.uuid] };
    // The second is another pod's by its record.
    expect(await outcomesOf(() => send(revocation, { data: dataOf(both) }))).toEqual({
      revoked: 1,
      refused: 1,
    });
    expect(await outcomesOf(() => send(revocation, { data: dataOf(two) }))).toEqual({ revoked: 1 });
  });
});

describe('events of all modes', () => {
  const structured = (pod: object, type = DELETED) => ({
    specversion: '1.0',
    id: '1',
    source: 'https://api-server',
    type,
    datacontenttype: 'application/json',
    data: pod,
  });
  const post = (contentType: string, body: string) =>
    request(`${revocation.url}/`, { method: 'POST', headers: { 'content-type': contentType }, body });

  test('structured', async () => {
    const pod = await deleted();
    const body = JSON.stringify(structured(dataOf(pod)));
    const outcomes = await outcomesOf(async () =>
      expect((await post('application/cloudevents+json', body)).status).toBe(204),
    );
    expect(outcomes).toEqual({ revoked: 1 });
  });

  test.each([
    'dev.knative.apiserver.resource.add',
    'dev.knative.apiserver.resource.update',
    'com.example.other',
  ])('of type %s: acknowledged and counted', async (type) => {
    const pod = await deleted();
    const outcomes = await outcomesOf(async () =>
      expect((await send(revocation, { type, data: dataOf(pod) })).status).toBe(204),
    );
    expect([outcomes, proxy.total()]).toEqual([{ ignored: 1 }, 0]);
  });

  test('of what is no pod: acknowledged and counted', async () => {
    const data = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'y' } };
    expect(await outcomesOf(() => send(revocation, { data }))).toEqual({ ignored: 1 });
  });

  test.each([
    ['a batch', 'application/cloudevents-batch+json', JSON.stringify([structured({})])],
    ['no JSON', 'application/cloudevents+json', '{'],
    ['no event', 'application/json', '{}'],
    ['nothing', 'text/plain', ''],
    [
      'an event without its type',
      'application/cloudevents+json',
      '{"specversion":"1.0","id":"1","source":"x"}',
    ],
  ])('%s: 400, and Vault is not asked', async (_, contentType, body) => {
    expect((await post(contentType, body)).status).toBe(400);
    expect(proxy.total()).toBe(0);
  });

  test.each([
    [
      'a deletion without its object',
      'application/cloudevents+json',
      JSON.stringify(structured({ name: 'x' })),
    ],
    [
      'a pod of a strange name',
      'application/cloudevents+json',
      JSON.stringify(structured(dataOf({ namespace: '../kube-system', name: 'x', uuids: ['u'] }))),
    ],
  ])('%s: acknowledged, since it does not become readable, and counted', async (_, contentType, body) => {
    const outcomes = await outcomesOf(async () => expect((await post(contentType, body)).status).toBe(204));
    expect([outcomes, proxy.total()]).toEqual([{ malformed: 1 }, 0]);
  });
});
