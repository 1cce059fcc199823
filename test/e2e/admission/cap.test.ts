/** `maxGrantsPerRole`: a controller whose pods crash and come again cannot flood a database. */
import { v7 as newUuid } from 'uuid';
import * as v from 'valibot';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secretName } from '../../stack/vault/names.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { newSince, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { deletePod } from '../support/fleet-state.ts';
import { podWith } from '../support/pods.ts';
import { addRoles, roles } from '../support/policy-jobs.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { exampleNamespace, stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const [owner, bare] = roles;
const MOST = 3;
const broken = 'strict-broken-rw';
let strict: StrictFleet;

beforeAll(async () => {
  await addRoles();
  await addAppRole(stack.vault, { name: broken, creationStatements: ['SELECT oops'] });
});
beforeEach(async () => {
  const keys = { maxGrantsPerRole: MOST, tokenReference: 'accessor' };
  strict = await openStrictFleet({ keys, applicationPolicies: [...roles, broken] });
});

const folder = () => `${secretName}/metadata/${strict.ledgerPrefix}-held/${exampleNamespace}/pgsql2-dv`;
const Keyed = v.object({ data: v.object({ keys: v.array(v.string()) }) });
async function slotsOf(role: string): Promise<string[]> {
  const { status, body } = await stack.vault.ask('LIST', `${folder()}/${role}`);
  return status === 404 ? [] : v.parse(Keyed, JSON.parse(body)).data.keys;
}
const tooMany = (held: number) =>
  `namespace "${exampleNamespace}" holds ${held} grants of role "${owner}" at "pgsql2-dv", and maxGrantsPerRole allows ${MOST}: one has to end first`;
const sweepOnce = async (later = AFTER_GRACE) =>
  sweepIn(later, strict.fleet, { keys: strict.keysOf('renewal') });

test('so many pods are admitted, the next is denied and told who holds how many, until one has ended', async () => {
  const { fleet, keysOf } = strict;
  const pods = await fleet.pods(MOST, { role: owner });
  const before = await takeCensus();
  await expect(fleet.admission({ role: owner })).rejects.toThrow(tooMany(MOST));
  expect((await newSince(before)).tokens).toEqual([]);
  // Another role is another count.
  await fleet.pod({ role: bare });
  await until('the denied one has given its slot back', async () => (await slotsOf(owner)).length === MOST);

  const revocation = await startRevocation(fleet, keysOf('revocation'));
  const [first] = pods;
  if (!first) throw new Error('there is one');
  await deletePod(first);
  expect((await send(revocation, { data: dataOf(first) })).status).toBe(204);
  await revocation.stop();
  const next = await fleet.pod({ role: owner });
  await expect(fleet.admission({ role: owner })).rejects.toThrow(tooMany(MOST));

  await deletePod(next);
  expect([(await sweepOnce()).code, (await slotsOf(owner)).length]).toEqual([0, MOST - 1]);
  await fleet.pod({ role: owner });
});

test('what fails half-way gives its slot back', async () => {
  for (let attempt = 0; attempt <= MOST; attempt += 1)
    await expect(strict.fleet.admission({ role: broken })).rejects.toThrow('HTTP 500');
  await expect.poll(() => slotsOf(broken)).toEqual([]);
});

test('two instances at once give no more than may be, and both go on', async () => {
  const proxy = await startFaultProxy();
  const overrides = strict.keysOf('admission');
  const instances = await Promise.all([1, 2].map(() => startAdmission(proxy, { overrides })));
  const labels = { [strict.fleet.label]: 'true' };
  const ask20 = () =>
    Promise.all(
      Array.from({ length: 20 }, (_, number) => {
        const instance = instances[number % 2] ?? instances[0];
        if (!instance) throw new Error('there are two');
        return ask(instance, reviewOf(podWith({ role: owner }, { labels })));
      }),
    );
  const allowed = async () => (await ask20()).filter((verdict) => verdict.allowed).length;
  let total = await allowed();
  expect(total).toBeLessThanOrEqual(MOST);
  await expect.poll(async () => (await slotsOf(owner)).length).toBe(total);
  // Retries like their controllers do, one at a time.
  for (const instance of instances) {
    for (let attempt = 0; attempt < MOST; attempt += 1) {
      const verdict = await ask(instance, reviewOf(podWith({ role: owner }, { labels })));
      if (verdict.allowed) total += 1;
      else expect([verdict.code, verdict.message]).toEqual([403, expect.stringContaining(tooMany(MOST))]);
    }
  }
  expect([total, (await strict.fleet.records()).length]).toEqual([MOST, MOST]);
  for (const instance of instances) await instance.stop();
});

describe('a sweep', () => {
  test('gives back slots without a grant, but not of an admission that is under way', async () => {
    const pod = await strict.fleet.pod({ role: owner });
    const [stale, young] = [
      newUuid({ msecs: Date.now() - 3_600_000 }),
      newUuid({ msecs: Date.now() + AFTER_GRACE }),
    ];
    for (const uuid of [stale, young])
      await stack.vault.call('POST', `${folder()}/${owner}/${uuid}`, { max_versions: 1 });
    await expect(strict.fleet.admission({ role: owner })).rejects.toThrow(tooMany(MOST));
    const { code, log } = await sweepOnce();
    expect([code, (await slotsOf(owner)).toSorted()]).toEqual([0, [pod.uuid, young].toSorted()]);
    expect(log).toContainEqual({
      level: 'info',
      message: 'slots of grants repaired: 1 given back, 0 taken',
    });
  });

  test('counts grants that were made while it was off', async () => {
    const off = await openStrictFleet({ keys: { tokenReference: 'accessor' }, applicationPolicies: roles });
    strict = off;
    const pods = await off.fleet.pods(MOST, { role: owner });
    expect(await slotsOf(owner)).toEqual([]);
    const keys = { ...off.keysOf('renewal'), maxGrantsPerRole: MOST };
    expect((await sweepIn(AFTER_GRACE, off.fleet, { keys })).code).toBe(0);
    expect((await slotsOf(owner)).toSorted()).toEqual(pods.map(({ uuid }) => uuid).toSorted());
  });
});

test('off, it costs nothing; on, two requests an admission', async () => {
  for (const [maxGrantsPerRole, expected] of [
    [null, 0],
    [MOST, 1],
  ] as const) {
    const proxy = await startFaultProxy();
    const overrides = { ...strict.keysOf('admission'), maxGrantsPerRole };
    const admission = await startAdmission(proxy, { overrides });
    const pod = podWith({ role: owner }, { labels: { [strict.fleet.label]: 'true' } });
    expect((await ask(admission, reviewOf(pod))).message).toBe('');
    expect([proxy.count('slot'), proxy.count('slots')]).toEqual([expected, expected]);
    await admission.stop();
  }
});
