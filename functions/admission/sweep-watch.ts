/**
 * Warns in each admission while the last complete sweep is too long ago: a stopped renewal job endangers every
 * credential, and only admissions are there to notice. Only a fresh instance's first pod waits for the state to be
 * read.
 */
import type { Background } from '../../shared/background.ts';
import type { Deadline } from '../../shared/deadline.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import type { LastSweep, SweepMemory } from '../../shared/vault/sweep-memory.ts';

export interface SweepWatch {
  /** Cached for about a minute; `undefined` if there never was a sweep, or its memory cannot be read. */
  last(): Promise<LastSweep | undefined>;
}

export interface SweepWatchOptions {
  readonly sweeps: Pick<SweepMemory, 'readLast'>;
  readonly background: Background;
  readonly newDeadline: (durationMs: number) => Deadline;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

const READ_AGAIN_AFTER_MS = 60_000;
const READ_WITHIN_MS = 1_000;

export function createSweepWatch({
  sweeps,
  background,
  newDeadline,
  now,
  log,
}: SweepWatchOptions): SweepWatch {
  let oldest: LastSweep | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  /** The oldest of all shards' last sweeps. */
  async function read(): Promise<void> {
    using deadline = newDeadline(READ_WITHIN_MS);
    const work = beginWork(deadline);
    const first = await sweeps.readLast(0, work);
    const others = Array.from({ length: Math.max(0, (first?.shards ?? 1) - 1) }, (_, index) =>
      sweeps.readLast(index + 1, work),
    );
    const all = [first, ...(await Promise.all(others))].filter((sweep) => sweep !== undefined);
    oldest = all.sort((left, right) => left.succeededAt - right.succeededAt)[0];
  }

  return {
    async last() {
      if (now() - readAt >= READ_AGAIN_AFTER_MS) {
        readAt = now();
        reading = read().catch((error: unknown) =>
          log.error("the last sweep's time could not be read", error),
        );
        background.add(reading);
      }
      if (!oldest) await reading;
      return oldest;
    },
  };
}

/** The warning for a pod's owner while the renewal job does not succeed. */
export function staleSweep(last: LastSweep | undefined, now: number): string[] {
  if (!last || last.shortestLeaseSeconds === 0) return [];
  const agoSeconds = Math.round((now - last.succeededAt) / 1_000);
  if (agoSeconds <= last.shortestLeaseSeconds / 2) return [];
  return [
    `the renewal job has not succeeded for ${agoSeconds} s: credentials will expire unless somebody fixes it`,
  ];
}
