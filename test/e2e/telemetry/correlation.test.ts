/** One request, found again: by the API server's uid in the log and in Vault's audit log, by its trace in the log. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { until } from '../../stack/wait.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { openFleet } from '../support/fleet.ts';
import { podWith } from '../support/pods.ts';
import { reviewOf } from '../support/reviews.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { authority, exampleNamespace, stack } from '../support/stack.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
const proxy = await startFaultProxy();
let admission: AdmissionFunction;

beforeAll(async () => {
  const header = 'sys/config/auditing/request-headers/x-correlation-id';
  await stack.rootVault.call('POST', header, { hmac: false });
  admission = await startAdmission(proxy);
});

/** @returns the review's uid. */
async function admit(annotations: Readonly<Record<string, string>>): Promise<string> {
  const review = reviewOf(podWith(annotations));
  await request(`${admission.url}${admission.path}?timeout=5s`, {
    method: 'POST',
    headers: { traceparent },
    body: JSON.stringify(review),
    ca: authority,
  });
  return review.request.uid;
}

/** What is written whole: after the last end of a line, one may be half there. */
const linesIn = (log: string): readonly Record<string, unknown>[] =>
  log
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));

/** Waits for the line that is written last; the answer may come before it. */
async function linesOf(requestUid: string, last: string): Promise<readonly Record<string, unknown>[]> {
  const lines = async () =>
    linesIn(await admission.log()).filter((line) => line['requestUid'] === requestUid);
  await until(`"${last}" is logged`, async () => (await lines()).some(({ msg }) => msg === last));
  return lines();
}

/** What Vault was asked for with that id, without the parts that differ. */
async function auditedWith(id: string): Promise<string[]> {
  const { auditFile } = stack.description.vault;
  const entries = linesIn(await readFile(auditFile, 'utf8')).filter(
    (entry) => entry['type'] === 'request' && JSON.stringify(entry).includes(id),
  );
  return entries.map((entry) => /"path":"([^"]+)"/.exec(JSON.stringify(entry))?.[1] ?? '').toSorted();
}

test('an admission: a line for each grant, one for the pod, and each request to Vault has its uid', async () => {
  const uid = await admit({ 'orders.role': 'gule-rw', 'orders.mode': 'classic' });
  const [issued, admitted, ...others] = await linesOf(uid, 'pod admitted');
  expect(others).toEqual([]);
  const where = { level: 'info', requestUid: uid, namespace: exampleNamespace };
  expect(issued).toMatchObject({
    ...where,
    msg: 'credentials issued',
    database: 'orders',
    role: 'gule-rw',
    uuid: expect.stringMatching(/^[\da-f-]{36}$/),
    vaultCalls: expect.any(Number),
    durationMs: expect.any(Number),
  });
  expect(admitted).toMatchObject({
    ...where,
    msg: 'pod admitted',
    traceId: TRACE,
    uuid: issued?.['uuid'],
    databases: 'orders',
    role: 'gule-rw',
    outcome: 'issued',
    vaultCalls: expect.any(Number),
    durationMs: expect.any(Number),
  });
  const asked = await auditedWith(uid);
  for (const part of ['/role/gule-rw', 'auth/token/create-orphan', '/creds/gule-rw', '/data/'])
    expect(asked.filter((path) => path.includes(part))).toHaveLength(1);
});

test('what is undone for it has its uid, too', async () => {
  proxy.fail('record', answering(400, '{"errors":["no"]}'));
  const uid = await admit({ role: 'gule-rw' });
  proxy.heal();
  await until('the token is revoked', async () => (await auditedWith(uid)).includes('auth/token/revoke'));
  expect((await linesOf(uid, 'pod denied')).at(-1)).toMatchObject({
    level: 'error',
    msg: 'pod denied',
    traceId: TRACE,
  });
});

test.each([
  ['a role that there is not', { role: 'nobody' }, 'service_account_denied'],
  ['annotations that are wrong', { 'orders.mode': 'wrong' }, 'annotations_invalid'],
])('what the pod’s owner has to mend is no error of ours: %s', async (_, annotations, code) => {
  const uid = await admit(annotations);
  expect((await linesOf(uid, 'pod denied')).at(-1)).toMatchObject({
    level: 'warn',
    msg: 'pod denied',
    code,
    reason: expect.any(String),
  });
});

test('a revocation: the event’s id', async () => {
  const fleet = await openFleet();
  const pod = await fleet.admission();
  const revocation = await startRevocation(fleet);
  const id = randomUUID();
  await send(revocation, { id, data: dataOf(pod), traceparent });
  await revocation.says('grant revoked');
  expect((await revocation.log()).find(({ msg }) => msg === 'grant revoked')).toMatchObject({
    requestUid: id,
    traceId: TRACE,
    uuid: pod.uuid,
    namespace: pod.namespace,
    pod: pod.name,
    role: 'gule-rw',
    vaultCalls: expect.any(Number),
    durationMs: expect.any(Number),
  });
  expect(await auditedWith(id)).toContain('auth/token/revoke');
});
