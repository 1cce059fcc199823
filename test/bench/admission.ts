/** Warm admissions against the same requests made by hand, taken in turn on the same Vault in the same run. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { AttachedStack } from '../stack/index.ts';
import { createByHand } from './by-hand.ts';
import { percentile, report } from './figures.ts';
import { createHttpClient } from './http-client.ts';
import { reviewOf } from './review.ts';

const Answer = v.object({ response: v.object({ allowed: v.literal(true), patch: v.string() }) });

const ROUNDS = 150;
const COUNTED = 100;
const AT_ONCE = 8;
const THROUGHPUT_ROUNDS = 240;
const MEMORY_ROUNDS = 2_000;

/** A function of its own, and one admission by it. */
async function startAdmission(stack: AttachedStack, delivery: 'env' | 'secret') {
  const overrides = { certFile: null, keyFile: null, delivery };
  const { url, path, pid, stop } = await stack.startFunction({ name: 'admission', overrides });
  const client = createHttpClient(url);
  let admitted = 0;
  return {
    pid,
    stop,
    admitted: () => admitted,
    async admit(): Promise<void> {
      admitted += 1;
      const review = reviewOf(`bench-${delivery}-${admitted}`);
      const headers = { 'content-type': 'application/json' };
      v.parse(Answer, await client.send('POST', `${path}?timeout=10s`, review, headers));
    },
  };
}

export async function benchAdmission(stack: AttachedStack): Promise<void> {
  // What stands in the patch costs Vault's three requests; a Secret is one to the API server more.
  const [inPod, inSecret] = [await startAdmission(stack, 'env'), await startAdmission(stack, 'secret')];
  const { admit } = inPod;
  const byHand = await createByHand(stack);

  await admit();
  await inSecret.admit();
  report('admission.vault_calls', (await requestsDuring(stack, COUNTED, admit)) / COUNTED, 'requests', '3');

  const times = await inTurns(ROUNDS, [admit, byHand.threeRequests, byHand.textbook]);
  const [ours = 0, raw = 1, textbook = 1] = times.map((values) => percentile(values, 0.5));
  report('admission.p50_over_raw', ours / raw, 'ratio', '≤ 1.25');
  report('admission.p50_over_textbook', ours / textbook, 'ratio', '≤ 0.5');
  // What an admission that costs nothing of its own would reach here.
  report('three_requests.p50_over_textbook', raw / textbook, 'ratio');

  const slow = await secondsFor(THROUGHPUT_ROUNDS, byHand.textbook);
  const fast = await secondsFor(THROUGHPUT_ROUNDS, admit);
  report('admission.throughput_over_textbook', slow / fast, 'ratio', '≥ 1.5');
  const bare = await secondsFor(THROUGHPUT_ROUNDS, byHand.threeRequests);
  report('three_requests.throughput_over_textbook', slow / bare, 'ratio');

  const [fromPod = [], fromSecret = []] = await inTurns(ROUNDS, [admit, inSecret.admit]);
  report(
    'delivery.secret_p50_over_env',
    percentile(fromSecret, 0.5) / percentile(fromPod, 0.5),
    'ratio',
    '≤ 1.15',
  );
  await inSecret.stop();

  await benchMemory(inPod.pid, inPod.admitted(), admit);
  await inPod.stop();
}

async function benchMemory(pid: number, admitted: number, admit: () => Promise<void>): Promise<void> {
  const half = MEMORY_ROUNDS / 2;
  await secondsFor(Math.max(0, half - admitted), admit);
  const before = residentMb(pid);
  await secondsFor(half, admit);
  const after = residentMb(pid);
  report('admission.rss_mb', after, 'MB', '≤ 130');
  report('admission.rss_growth_over_last_1000', after / before, 'ratio', '≤ 1.05');
}

/** Requests that OpenBao itself counted, but for the one that reads the counter. */
async function requestsDuring(
  stack: AttachedStack,
  rounds: number,
  work: () => Promise<void>,
): Promise<number> {
  const before = await vaultRequests(stack);
  for (let round = 0; round < rounds; round += 1) await work();
  return (await vaultRequests(stack)) - before;
}

/** OpenBao's own counters: logins stand apart from all other requests. The counters are read without a token, uncounted. */
export async function vaultRequests({ environment }: Pick<AttachedStack, 'environment'>): Promise<number> {
  const client = createHttpClient(environment['VAULT_ADDR'] ?? '');
  const text = String(await client.send('GET', '/v1/sys/metrics?format=prometheus'));
  const count = (name: string) =>
    Number(new RegExp(`^vault_core_${name}_count (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return count('handle_request') + count('handle_login_request');
}

async function inTurns(rounds: number, works: readonly (() => Promise<void>)[]): Promise<number[][]> {
  const times: number[][] = works.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, work] of works.entries()) {
      const startedAt = performance.now();
      await work();
      times[index]?.push(performance.now() - startedAt);
    }
  }
  return times;
}

async function secondsFor(rounds: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  let left = rounds;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (performance.now() - startedAt) / 1_000;
}

function residentMb(pid: number): number {
  return (
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1_024
  );
}
