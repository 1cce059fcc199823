/** What passes by itself does not cost a pod its credentials: the request is sent again, within the deadline. */
import { describe, expect, test } from 'vitest';
import { startAdmission } from '../support/admission-function.ts';
import { newSince, readLease, takeCensus } from '../support/census.ts';
import { type Fault, type Step, startFaultProxy } from '../support/fault-proxy.ts';
import {
  answering,
  badGateway,
  cutAfter,
  cutBefore,
  cutWithin,
  gatewayTimeout,
  rateLimited,
  standbyBehind,
  unavailable,
} from '../support/faults.ts';
import { podWith, uuidsOf } from '../support/pods.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';

const steps = ['login', 'role', 'token', 'credentials', 'record'] as const satisfies readonly Step[];
const one = [expect.anything()];
const two = [expect.anything(), expect.anything()];

/** A function that meets the fault once at every step of its first admission. */
async function admitThrough(fault: Fault) {
  const proxy = await startFaultProxy();
  for (const step of steps) proxy.fail(step, fault);
  const admission = await startAdmission(proxy, { until: 'healthy' });
  const before = await takeCensus();
  const pod = podWith({ role: 'gule-rw' });
  const verdict = await ask(admission, reviewOf(pod), '30s');
  expect(verdict.message).toBe('');
  expect(steps.map((step) => proxy.count(step))).toEqual([2, 2, 2, 2, 2]);
  return { left: await newSince(before), uuids: uuidsOf(patched(pod, verdict)) };
}

describe('a step that fails once, and Vault has not seen it', () => {
  test.each([
    ['the connection breaks', cutBefore],
    ['429, to be tried again at once', answering(429, '{"errors":[]}', { 'retry-after': '0' })],
    ['429, without a word about when', answering(429)],
    ['502 from a load balancer', badGateway],
    ['503 from a load balancer', unavailable],
    ['504 from a load balancer', gatewayTimeout],
    ['412 from a standby that has not caught up', standbyBehind],
  ])('%s: one of each is made', async (_, fault) => {
    const { left, uuids } = await admitThrough(fault);
    expect(left).toEqual({ tokens: one, leases: one, databaseUsers: one, records: uuids });
  });
});

describe('a step that Vault has done, but nobody hears of it', () => {
  test.each([
    ['the connection breaks before the answer', cutAfter],
    ['the connection breaks within the answer', cutWithin],
  ])('%s: what is not in the ledger is held by nobody and ends by itself', async (_, fault) => {
    const { left, uuids } = await admitThrough(fault);
    expect(left).toEqual({ tokens: two, leases: two, databaseUsers: two, records: uuids });
    for (const lease of left.leases) expect((await readLease(lease)).ttl).toBeLessThanOrEqual(3600);
  });
});

describe("Vault's Retry-After", () => {
  test('is waited for, where there is time', async () => {
    const proxy = await startFaultProxy();
    const admission = await startAdmission(proxy);
    const times: number[] = [];
    const timed =
      (fault: Fault): Fault =>
      (exchange) => {
        times.push(performance.now());
        return fault(exchange);
      };
    proxy.fail('token', timed(rateLimited));
    proxy.fail(
      'token',
      timed(async (exchange) => exchange.reply(await exchange.forward())),
    );
    expect((await ask(admission, reviewOf(podWith({ role: 'gule-rw' })))).allowed).toBe(true);
    const [refused = 0, sentAgain = 0] = times;
    expect(sentAgain - refused).toBeGreaterThanOrEqual(1_000);
  });

  test('is not, where the time would be over: the denial goes out instead', async () => {
    const proxy = await startFaultProxy();
    const admission = await startAdmission(proxy);
    proxy.fail('token', answering(429, '{"errors":["quota"]}', { 'retry-after': '30' }));
    const verdict = await ask(admission, reviewOf(podWith({ role: 'gule-rw' })));
    expect(verdict).toMatchObject({ allowed: false, code: 429 });
    expect(verdict.message).toMatch(/: Vault has too many requests at the moment \(its rate limit\)$/);
    expect(proxy.count('token')).toBe(1);
  });
});
