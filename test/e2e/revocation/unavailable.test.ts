/**
 * Vault or the API server is away: the event is answered by 503, so that it is sent again, and never by 500. What no retry
 * will mend is acknowledged, and left to the sweep.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { containerOf } from '../../stack/function.ts';
import { revocationBehindProxy } from '../support/behind-proxy.ts';
import type { Step } from '../support/fault-proxy.ts';
import { answering, cutAfter } from '../support/faults.ts';
import { usersLeft } from '../support/fleet-state.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';
import { AFTER_GRACE, sweepIn } from '../support/sweeping.ts';

const { fleet, proxy, revocation, deleted } = await revocationBehindProxy();
type Deleted = Awaited<ReturnType<typeof deleted>>;

async function expect503(pod: Deleted, by = revocation): Promise<void> {
  const { status, headers } = await send(by, { data: dataOf(pod) });
  expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
}

async function expectDone(pod: Deleted): Promise<void> {
  expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
  expect(await usersLeft(fleet)).not.toContain(pod.user);
  expect(await fleet.records()).not.toContain(pod.uuid);
}

const busy = answering(429, '{"errors":["rate limit"]}', { 'retry-after': '30' });
const away = answering(503, 'no backend');
const page = answering(200, '<html>down for maintenance</html>');
const passing: readonly (readonly [string, Step, typeof busy])[] = [
  ['the record cannot be read', 'reading', away],
  ['the token cannot be revoked', 'revoke', away],
  ['the record cannot be deleted', 'forget', away],
  ['Vault has too many requests', 'reading', busy],
  ['what comes is a page in place of a record', 'reading', page],
];

test.each(passing)('while %s, 503; done when the event comes again', async (_, step, fault) => {
  const pod = await deleted();
  proxy.fail(step, fault, 1_000);
  await expect503(pod).finally(() => proxy.heal());
  await expectDone(pod);
});

const denied = answering(403, '{"errors":["permission denied"]}');
const refused = answering(400, '{"errors":["no"]}');
const broken = answering(500, '{"errors":["internal error"]}');
const lasting: readonly (readonly [string, Step, typeof busy, string])[] = [
  ['the policy does not let the record be read', 'reading', denied, 'vault_denied'],
  ['the record cannot be read', 'reading', broken, 'vault_rejected'],
  ['the policy does not let the token be revoked', 'revoke', denied, 'vault_denied'],
  ['Vault would not revoke the token', 'revoke', refused, 'vault_rejected'],
  ['the token cannot be revoked', 'revoke', broken, 'vault_rejected'],
  ['the record cannot be deleted', 'forget', broken, 'vault_rejected'],
];

test.each(lasting)(
  'while %s: acknowledged, counted, told, and left to the sweep',
  async (_, step, fault, code) => {
    const pod = await deleted();
    const before = (await revocation.outcomes())['left_to_sweep'] ?? 0;
    proxy.fail(step, fault, 1_000);
    expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    proxy.heal();
    expect((await revocation.outcomes())['left_to_sweep']).toBe(before + 1);
    const told = async () => (await revocation.log()).findLast(({ uuid }) => uuid === pod.uuid);
    await expect.poll(told).toMatchObject({
      level: 'error',
      outcome: 'left_to_sweep',
      code,
      namespace: pod.namespace,
      pod: pod.name,
      ...(step !== 'reading' && { mount: 'pgsql2-dv' }),
    });
    expect(await fleet.records()).toContain(pod.uuid);
    expect((await sweepIn(AFTER_GRACE, fleet)).report.revoked).toBe(1);
    expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[], []]);
  },
);

test('while a record cannot be read for what it is, it is left to the sweep, which reports it', async () => {
  const pod = await deleted();
  const record = await fleet.record(pod.uuid);
  await fleet.write(pod.uuid, { Something: 'else' });
  expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
  const told = async () => (await revocation.log()).findLast(({ uuid }) => uuid === pod.uuid);
  await expect.poll(told).toMatchObject({ outcome: 'left_to_sweep', code: 'record_unreadable' });
  await fleet.write(pod.uuid, record);
  await expectDone(pod);
});

test('a connection to Vault that breaks is no reason to fail: the function tries again by itself', async () => {
  for (const step of ['reading', 'revoke', 'forget'] as const) {
    const pod = await deleted();
    proxy.fail(step, cutAfter);
    await expectDone(pod);
  }
});

test('while Vault is sealed, 503; done when the event comes again', async () => {
  const pod = await deleted();
  await stack.vaultFaults.seal();
  await expect503(pod).finally(() => stack.vaultFaults.unseal());
  await expectDone(pod);
});

test('while the API server cannot be reached, 503; done when the event comes again', async () => {
  const pod = await deleted();
  const { functions } = stack.description;
  const { kubeconfig } = containerOf(functions, 'revocation');
  const elsewhere = join(functions.folder, 'kubeconfig-of-no-server');
  const server = stack.description.kubernetes.url;
  await writeFile(elsewhere, (await readFile(kubeconfig, 'utf8')).replace(server, 'https://127.0.0.1:1'));
  const lost = await startRevocation(fleet, {}, { KUBECONFIG: elsewhere });
  await expect503(pod, lost);
  expect(await fleet.records()).toContain(pod.uuid);
  await expectDone(pod);
});
