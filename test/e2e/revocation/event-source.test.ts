/** Pods come and go, and Knative's real event source tells the function: what is gone has no credentials left. */
import { createServer } from 'node:http';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { forward } from '../../stack/knative/forward.ts';
import { freePort } from '../../stack/process/ports.ts';
import { until } from '../../stack/wait.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { type Fleet, type Given, openFleet } from '../support/fleet.ts';
import { canLogIn, changePod, deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { type RevocationFunction, startRevocation, startSource } from '../support/revoking.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const proxy = await startFaultProxy();
let fleet: Fleet;
let revocation: RevocationFunction;
let source: Awaited<ReturnType<typeof startSource>>;

beforeAll(async () => {
  fleet = await openFleet();
  revocation = await startRevocation(fleet, { vaultAddress: proxy.url });
  source = await startSource(fleet, revocation.url);
  await watching();
});
afterEach(async () => {
  proxy.heal();
  await expectOrder(fleet);
});

const ignoredSoFar = async (): Promise<number> => (await revocation.outcomes())['ignored'] ?? 0;

/**
 * The source says that it begins before it does: a pod is changed until an event of it comes.
 *
 * @param told how many have come.
 */
async function watching(told: () => Promise<number> | number = ignoredSoFar): Promise<void> {
  const watched = await fleet.pod();
  let changes = 0;
  await until('an event comes', async () => {
    changes += 1;
    await changePod(watched, ({ annotations }) => ({
      annotations: { ...annotations, changes: `${changes}` },
    }));
    return (await told()) > 0;
  });
}

/** A way to the function for one source alone, which counts its events: the function does not tell whose they are. */
async function countedWay(): Promise<{ readonly url: string; told(): number }> {
  let told = 0;
  const server = createServer((incoming, outgoing) => {
    told += 1;
    forward(incoming, outgoing, { to: revocation.url, headers: {} });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  server.unref();
  return { url: `http://127.0.0.1:${port}`, told: () => told };
}

const isGone = async ({ uuid, user }: Given) =>
  !(await fleet.records()).includes(uuid) && !(await usersLeft(fleet)).includes(user);
const gone = (...given: readonly Given[]) =>
  until('role and record are gone', async () => (await Promise.all(given.map(isGone))).every(Boolean));

/** Has another pod deleted and revoked after all that was sent before. */
async function upToHere(): Promise<void> {
  const last = await fleet.pod();
  await deletePod(last);
  await gone(last);
}

describe('a pod', () => {
  test('is created and changed: nothing is done, and both events are counted', async () => {
    const before = await revocation.outcomes();
    const pod = await fleet.pod();
    await changePod(pod, ({ annotations }) => ({ annotations: { ...annotations, note: 'changed' } }));
    await upToHere();
    expect((await revocation.outcomes())['ignored']).toBeGreaterThanOrEqual((before['ignored'] ?? 0) + 2);
    expect(await canLogIn(pod)).toBe(true);
  });

  test('is deleted: its role and its record are gone', async () => {
    const pod = await fleet.pod();
    expect(await canLogIn(pod)).toBe(true);
    await deletePod(pod);
    await gone(pod);
    expect(await canLogIn(pod)).toBe(false);
  });

  test('of a generateName is deleted: likewise', async () => {
    const pod = await fleet.pod({ generateName: 'replica-' });
    expect((await fleet.record(pod.uuid))['PodName']).toBe('');
    await deletePod(pod);
    await gone(pod);
  });

  test('loses its label: the delete event does it no harm', async () => {
    const pod = await fleet.pod();
    const before = await revocation.outcomes();
    await changePod(pod, () => ({ labels: {} }));
    await until('the event has come', async () => {
      const { alive = 0 } = await revocation.outcomes();
      return alive > (before['alive'] ?? 0);
    });
    expect(await canLogIn(pod)).toBe(true);
    expect(await fleet.records()).toContain(pod.uuid);
    await changePod(pod, () => ({ labels: { [fleet.label]: 'true' } }));
  });

  test('is replaced by one of the same name, as of a StatefulSet: the successor lives', async () => {
    const name = `${fleet.label}-0`;
    const first = await fleet.pod({ name });
    await deletePod(first);
    const successor = await fleet.pod({ name });
    await gone(first);
    await upToHere();
    expect(await canLogIn(successor)).toBe(true);
  });
});

describe('a pod that is deleted', () => {
  test('while the function answers 503, since Vault has too much to do: the event comes again', async () => {
    const pod = await fleet.pod();
    const before = (await revocation.log()).length;
    // Longer than the function waits itself.
    proxy.fail('reading', answering(429, '{"errors":["rate limit"]}', { 'retry-after': '30' }), 2);
    await deletePod(pod);
    await gone(pod);
    const failures = (await revocation.log()).slice(before).filter(({ level }) => level === 'error');
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatchObject({
      msg: 'request failed',
      code: 'vault_rate_limited',
      namespace: pod.namespace,
      pod: pod.name,
      uuid: pod.uuid,
    });
  });

  test('while Knative replaces the source, as for each new namespace: by the old one or the new one', async () => {
    const pods = await fleet.pods(6);
    const before = await revocation.outcomes();
    const way = await countedWay();
    const next = await startSource(fleet, way.url);
    // Both watch, so both send: whichever comes second finds nothing left to do.
    await watching(way.told);
    await Promise.all(pods.slice(0, 3).map(deletePod));
    await source.stop();
    source = next;
    await Promise.all(pods.slice(3).map(deletePod));
    await gone(...pods);
    // No sweep runs here. (Two events at one moment share one revocation, and both count it.)
    const { revoked = 0, left_to_sweep: left = 0 } = await revocation.outcomes();
    expect(revoked - (before['revoked'] ?? 0)).toBeGreaterThanOrEqual(6);
    expect(left).toBe(before['left_to_sweep'] ?? 0);
  });

  test('while source and function are down: the next sweep revokes it', async () => {
    const [kept, lost] = await fleet.pods(2);
    if (!kept || !lost) throw new Error('there are two');
    await Promise.all([source.stop(), revocation.stop()]);
    await deletePod(lost);
    revocation = await startRevocation(fleet, { vaultAddress: proxy.url });
    source = await startSource(fleet, revocation.url);
    await watching();
    await upToHere();
    expect([await isGone(lost), await fleet.records()]).toEqual([false, expect.arrayContaining([lost.uuid])]);

    const { report, code } = await sweepIn(AFTER_GRACE, fleet);
    expect([code, report.revoked]).toEqual([0, 1]);
    expect([await isGone(lost), await canLogIn(kept)]).toEqual([true, true]);
  });
});
