/** The worst that the API server would pass on, beside a stream of ordinary admissions: none of these is late or lost. */
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, NOTHING, newSince, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { HOSTILE } from '../support/hostile-reviews.ts';
import { podWith } from '../support/pods.ts';
import { ask, post, reviewOf } from '../support/reviews.ts';

// Far above what an ordinary one takes on a busy machine, far below what any of these took.
const LATE_MS = 1_500;
const EVERY_MS = 25;
const HOSTILE_AT_ONCE = 3;
const LONGEST_ANSWER = 32 * 1024;

let own: AdmissionFunction;
let before: Census;
beforeAll(async () => {
  own = await startAdmission(await startFaultProxy(), { overrides: { podsMayChooseDelivery: true } });
});
beforeEach(async () => {
  before = await takeCensus();
});

/** Ordinary admissions, one every few milliseconds, until told to stop. */
function ordinary() {
  const outcomes: Promise<'fine' | 'late' | 'lost'>[] = [];
  const stopped = new AbortController();
  const one = async () => {
    const startedAt = performance.now();
    const { allowed } = await ask(own, reviewOf(podWith({ role: 'gule-rw' }), { dryRun: true }), '10s');
    if (!allowed) return 'lost';
    return performance.now() - startedAt > LATE_MS ? 'late' : 'fine';
  };
  const sending = (async () => {
    while (!stopped.signal.aborted) {
      outcomes.push(one().catch(() => 'lost'));
      await pause(EVERY_MS);
    }
  })();
  return async () => {
    stopped.abort();
    await sending;
    return Promise.all(outcomes);
  };
}

test.each(HOSTILE)('%s', async (_, review) => {
  const body = review();
  const stop = ordinary();
  await pause(4 * EVERY_MS);
  const answers = await Promise.all(Array.from({ length: HOSTILE_AT_ONCE }, () => post(own, body, '15s')));
  const outcomes = await stop();
  expect(outcomes.length).toBeGreaterThan(2);
  expect(outcomes.filter((outcome) => outcome !== 'fine')).toEqual([]);
  for (const { status, body: said } of answers) {
    // Denied, or not read at all; a limit of ours is told, and nothing of the body without end.
    expect([200, 400, 413, 503]).toContain(status);
    expect(said).not.toContain('"allowed":true');
    expect(said.length).toBeLessThan(LONGEST_ANSWER);
  }
  expect(own.runs()).toBe(true);
  expect(await newSince(before)).toEqual(NOTHING);
});
