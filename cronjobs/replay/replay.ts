/**
 * Replays dead letters, the oldest first. The revocation function decides whether a pod is really gone: an event that
 * comes late or twice harms nobody.
 */
import pLimit from 'p-limit';
import type { Deadline } from '../../shared/deadline.ts';
import { type DeadLetter, readStored } from '../../shared/events/dead-letter.ts';
import type { ConfigMaps, StoredConfigMap } from '../../shared/kubernetes/config-maps.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Send } from './send.ts';

export interface ReplayDependencies {
  readonly configMaps: Pick<ConfigMaps, 'list' | 'delete'>;
  readonly send: Send;
  readonly log: Logger;
}

export interface ReplayReport {
  /** Number of dead letters found. */
  found: number;
  /** Accepted by the sink, and deleted. */
  sent: number;
  /** Not accepted, or not deleted: the next replay sends them again. */
  failed: number;
  /** ConfigMaps with the label that are not dead letters: left alone. */
  unreadable: number;
}

interface FoundLetter {
  readonly configMap: StoredConfigMap;
  readonly letter: DeadLetter;
}

const AT_ONCE = 4;

/** @throws KubernetesError if the dead letters cannot be listed; nothing has been sent then. */
export async function replay(
  { configMaps, send, log }: ReplayDependencies,
  deadline: Deadline,
): Promise<ReplayReport> {
  const all = await configMaps.list(deadline);
  const found = all.flatMap((configMap): FoundLetter[] => {
    const letter = readStored(configMap.data);
    if (letter) return [{ configMap, letter }];
    log.warn(`ConfigMap ${configMap.name} is labelled as a dead letter but is not one: it is left alone`);
    return [];
  });
  const report = { found: all.length, sent: 0, failed: 0, unreadable: all.length - found.length };

  async function sendOne({ configMap, letter }: FoundLetter): Promise<void> {
    try {
      await send(letter, deadline);
      await configMaps.delete(configMap, deadline);
      report.sent += 1;
    } catch (error) {
      report.failed += 1;
      const { namespace, name } = letter.pod;
      log.error(`ConfigMap ${configMap.name} stays`, error, { namespace, pod: name });
    }
  }

  const limit = pLimit(AT_ONCE);
  await limit.map(found.toSorted(byTime), sendOne);
  return report;
}

/** A dead letter without a time comes first. */
function byTime(one: FoundLetter, other: FoundLetter): number {
  const timeOf = ({ letter }: FoundLetter) => Date.parse(letter.time) || 0;
  return timeOf(one) - timeOf(other);
}

/** 0: no dead letter is left. 1: some are. */
export function exitCodeOf({ failed, unreadable }: ReplayReport): 0 | 1 {
  return failed + unreadable > 0 ? 1 : 0;
}
