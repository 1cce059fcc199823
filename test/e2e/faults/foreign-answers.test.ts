/**
 * A proxy, an ingress' default backend or a moved mount answers in Vault's place. It says nothing of what Vault has: no
 * record is missing, nothing is written, nobody is evicted or revoked for it.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addAppRole, addAuthRole, addPolicy } from '../../stack/vault/roles.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, expectNothingNewSince, takeCensus } from '../support/census.ts';
import { type FaultProxy, type Step, startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { canLogIn, deletePod, expectOrder, podsOf, toldOf, usersLeft } from '../support/fleet-state.ts';
import { podWith } from '../support/pods.ts';
import { openStrictFleet } from '../support/process-policies.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';
import { HOUR, sweepIn } from '../support/sweeping.ts';

const ANSWERS = [
  ['a default backend', answering(404, 'default backend - 404')],
  ['an empty 404', answering(404)],
  ['a 404 of JSON', answering(404, '{"message":"no Route matched with those values"}')],
  [
    'a mount that has moved',
    answering(404, '{"errors":["no handler for route \\"x\\". route entry not found."]}'),
  ],
  ['a 204', answering(204)],
  ['an empty 200', answering(200)],
  ['a page', answering(200, '<html>It works!</html>', { 'content-type': 'text/html' })],
  ['an empty object', answering(200, '{}')],
  ['a list', answering(200, '[]')],
] as const;
const ALWAYS = Number.POSITIVE_INFINITY;

describe.each(ANSWERS)('%s', (_, answer) => {
  let proxy: FaultProxy;
  let fleet: Fleet;
  beforeEach(async () => {
    [proxy, fleet] = [await startFaultProxy(), await openFleet()];
  });
  afterEach(() => expectOrder(fleet));

  const steps: readonly (readonly Step[])[] = [
    ['ledger list'],
    ['reading'],
    ['last sweep'],
    ['reading', 'ledger list', 'last sweep'],
    ['lease revocation'],
    ['revoke', 'forget', 'lease revocation'],
    ['lease renewal'],
  ];
  test.each(steps.map((some) => [some.join(', '), some] as const))(
    'in place of: %s; no live pod is hurt, and what was to be revoked is revoked later',
    async (__, some) => {
      const live = await fleet.pods(2);
      const gone = await fleet.pod();
      await sweepIn(0, fleet);
      await deletePod(gone);
      if (some.includes('reading')) await fleet.forgetMemory();
      for (const step of some) proxy.fail(step, answer, ALWAYS);
      const keys = { vaultAddress: proxy.url, onLost: 'evict' };
      const { report } = await sweepIn(HOUR * 0.7, fleet, { keys, within: 8_000 });
      expect([report.evicted, report.lost, report.unknown]).toEqual([0, 0, 0]);
      expect(report.failed + report.stuck + report.pending).toBeGreaterThan(0);
      expect(await podsOf(fleet)).toHaveLength(2);
      expect(await fleet.records()).toEqual(expect.arrayContaining(live.map(({ uuid }) => uuid)));

      const after = await sweepIn(HOUR * 0.7, fleet);
      expect([after.code, after.report.live, after.report.failed]).toEqual([0, 2, 0]);
      expect((await usersLeft(fleet)).sort()).toEqual(live.map(({ user }) => user).sort());
      expect(await fleet.records()).toHaveLength(2);
    },
  );
});

describe('an admission', () => {
  let proxy: FaultProxy;
  let admission: AdmissionFunction;
  let atFirst: Census;
  beforeAll(async () => {
    proxy = await startFaultProxy();
    admission = await startAdmission(proxy);
  });
  beforeEach(async () => {
    proxy.heal();
    atFirst = await takeCensus();
  });
  /** A role is remembered for some seconds, so each question has one of its own. */
  async function verdict(): Promise<Awaited<ReturnType<typeof ask>>> {
    const name = `asked-${randomUUID().slice(0, 8)}-rw`;
    await addAppRole(stack.vault, { name });
    return ask(admission, reviewOf(podWith({ role: name })), '8s');
  }

  test.each(ANSWERS)(
    'that is given %s for the record that it writes is denied and undone',
    async (_, answer) => {
      proxy.fail('record', answer, ALWAYS);
      expect(await verdict()).toMatchObject({ allowed: false });
      await expectNothingNewSince(atFirst);
    },
  );

  test.each(ANSWERS)(
    'that is given %s for the auth role says so, and not that there is none',
    async (_, answer) => {
      proxy.fail('role', answer, ALWAYS);
      const denied = await verdict();
      expect(denied.allowed).toBe(false);
      expect(denied.message).not.toContain('has no auth role');
      await expectNothingNewSince(atFirst);
    },
  );

  test('whose ledger is a KV engine of version 1 is denied and undone', async () => {
    const mount = 'kv-of-version-one';
    await stack.vault.call('POST', `sys/mounts/${mount}`, { type: 'kv', options: { version: '1' } });
    await addPolicy(
      stack.vault,
      mount,
      `path "${mount}/*" { capabilities = ["create", "read", "update", "delete", "list"] }`,
    );
    await addAuthRole(stack.vault, {
      name: mount,
      serviceAccounts: ['*'],
      namespaces: ['*'],
      policies: ['all-rw', mount],
    });
    const strange = await startAdmission(proxy, { overrides: { vaultSecretName: mount, kubeRole: mount } });
    const denied = await ask(strange, reviewOf(podWith({ role: 'gule-rw' })), '8s');
    expect(denied).toMatchObject({ allowed: false });
    expect(denied.message).toContain('write a record of the ledger');
    await expectNothingNewSince(atFirst);
  });
});

test('records that are deleted by hand: a live pod keeps its credentials, a deleted one loses them', async () => {
  const strict = await openStrictFleet({ keys: { tokenReference: 'accessor' } });
  const { fleet } = strict;
  const [live, gone] = [await fleet.pod(), await fleet.pod()];
  const keys = strict.keysOf('renewal');
  await sweepIn(0, fleet, { keys });
  for (const { uuid } of [live, gone])
    await stack.vault.call('DELETE', `vault-injector/data/${strict.ledgerPrefix}/${uuid}`);
  await deletePod(gone);
  const { report, code } = await sweepIn(HOUR * 0.7, fleet, { keys });
  expect([code, report.live, report.renewed, report.orphaned, report.revoked]).toEqual([0, 1, 1, 1, 1]);
  expect(await canLogIn(live)).toBe(true);
  expect(await usersLeft(fleet)).toEqual([live.user]);
  expect(await fleet.records()).toEqual([live.uuid]);

  // The record is read before the token's period ends, and is missing.
  const later = await sweepIn(30 * 24 * HOUR, fleet, { keys });
  expect([later.code, later.report.renewed, later.report.recordsLost, later.report.lost]).toEqual([
    0, 1, 1, 0,
  ]);
  expect((await toldOf(live)).map(({ reason }) => reason)).toContain('RecordLost');
});
