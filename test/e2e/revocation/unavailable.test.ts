/** Vault or the API server is away: the event is answered by 503, so that it is sent again, and never by 500. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { containerOf } from '../../stack/function.ts';
import { type FaultProxy, type Step, startFaultProxy } from '../support/fault-proxy.ts';
import { answering, cutAfter } from '../support/faults.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { deletePod, expectOrder, usersLeft } from '../support/fleet-state.ts';
import { dataOf, type RevocationFunction, send, startRevocation } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';

let fleet: Fleet;
let proxy: FaultProxy;
let revocation: RevocationFunction;

beforeAll(async () => {
  fleet = await openFleet();
  proxy = await startFaultProxy();
  revocation = await startRevocation(fleet, { vaultAddress: proxy.url });
});
afterEach(async () => {
  proxy.heal();
  await expectOrder(fleet);
});

async function deleted() {
  const pod = await fleet.pod();
  await deletePod(pod);
  return pod;
}
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

const refused = answering(400, '{"errors":["no"]}');
const broken = answering(500, '{"errors":["internal error"]}');
const rows: readonly (readonly [string, Step, typeof refused])[] = [
  ['the record cannot be read', 'reading', broken],
  ['what comes is no record', 'reading', answering(200, '<html>down for maintenance</html>')],
  ['the token cannot be revoked', 'revoke', broken],
  ['Vault would not revoke the token', 'revoke', refused],
  ['the record cannot be deleted', 'forget', broken],
];

test.each(rows)('while %s, 503; done when the event comes again', async (_, step, fault) => {
  const pod = await deleted();
  proxy.fail(step, fault);
  await expect503(pod);
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
