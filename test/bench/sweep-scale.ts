/** The renewal job's process as it is, with more and more pods and nothing due: time, memory, requests. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttachedStack } from '../stack/index.ts';
import { report } from './figures.ts';
import { addPods, withoutWebhook } from './many-pods.ts';

const SIZES = [200, 2_000, 20_000];

interface Measured {
  readonly seconds: number;
  readonly peakMb: number;
  readonly requests: number;
}

export async function benchSweepScale(stack: AttachedStack): Promise<void> {
  await withoutWebhook(stack);
  const already = (await measure(stack)).live;
  const idle: Measured[] = [];
  let pods = already;
  for (const size of SIZES) {
    await addPods(stack, size - pods);
    pods = size;
    const cold = await measure(stack);
    report(`sweep.cold_requests_per_pod.${size}`, cold.requests / size, 'requests/pod');
    const warm = await measure(stack);
    idle.push(warm);
    const last = size === SIZES.at(-1);
    report(`sweep.idle_requests_per_pod.${size}`, warm.requests / size, 'requests/pod', last ? '≤ 0.01' : '');
    report(`sweep.idle_seconds.${size}`, warm.seconds, 's', last ? '≤ 15' : '');
    report(`sweep.idle_peak_mb.${size}`, warm.peakMb, 'MB', last ? '≤ 200' : '');
    report(`sweep.cold_peak_mb.${size}`, cold.peakMb, 'MB');
  }
  const [, middle, large] = idle;
  if (middle && large) report('sweep.growth_2000_to_20000', large.seconds / middle.seconds, 'ratio', '≤ 10');
}

async function measure(stack: AttachedStack): Promise<Measured & { readonly live: number }> {
  let peakMb = 0;
  let watching = true;
  const startedAt = performance.now();
  const watch = async (pid: number) => {
    while (watching) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      peakMb = Math.max(peakMb, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024);
      await sleep(20);
    }
  };
  const { code, log, report: found } = await stack.sweep({ onSpawn: (pid) => void watch(pid) });
  watching = false;
  if (code !== 0) throw new Error(`a sweep went wrong (${code}): ${log.slice(-500)}`);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { seconds, peakMb, requests: Number(found['vaultRequests']), live: Number(found['live']) };
}
