/** Events on a pod that tell its owner about its grants. */
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import type { Sweep } from './context.ts';
import { noticeAt } from './due.ts';
import { lifeOf } from './grant-state.ts';

/** A failed Event does not fail the sweep: the log has it. */
export async function emitEvent(
  pod: LivePod,
  reason: Parameters<Sweep['notices']['emit']>[1],
  message: string,
  sweep: Sweep,
): Promise<void> {
  await sweep.notices.emit(pod, reason, message, sweep.work.deadline).catch((error: unknown) => {
    sweep.log.error('an Event could not be made', error, { namespace: pod.namespace, pod: pod.name });
  });
}

/** A live pod's record is gone from the ledger: the sweep's memory keeps the grant. */
export async function reportLostRecord(uuid: string, pod: LivePod | undefined, sweep: Sweep): Promise<void> {
  if (sweep.recordsLost.has(uuid)) return;
  sweep.recordsLost.add(uuid);
  sweep.log.warn("a live pod's record is gone from the ledger: its grant is kept by the sweep's memory", {
    uuid,
    ...(pod && { namespace: pod.namespace, pod: pod.name }),
  });
  const message = `The record of this pod's database credentials (grant ${uuid}) is gone from the ledger. The renewal job still renews the credentials from its memory; recreate the pod to get a record again.`;
  if (pod) await emitEvent(pod, 'RecordLost', message, sweep);
}

/** Warns of credentials that will soon end for good, or that are too short-lived to be kept. */
export async function warnOfEnd(uuid: string, state: GrantState, pod: LivePod, sweep: Sweep): Promise<void> {
  const { report, options, notices, work, time } = sweep;
  const life = lifeOf(state);
  const least = 2 * options.syncIntervalSeconds;
  if (state.endsAt > 0 && time.now() >= noticeAt(Math.min(state.issuedAt, time.now()), state.endsAt)) {
    report.ending += 1;
    const end = new Date(state.endsAt).toISOString();
    const message = `Database credentials of this pod (grant ${uuid}) end at ${end} (max_ttl of their role) and cannot be extended: the pod has to be replaced before`;
    await emitEvent(pod, 'LeaseEnding', message, sweep);
    if (options.onMaxTtl === 'evict' && (await notices.evict(pod, work.deadline))) report.evicted += 1;
  } else if (state.endsAt === 0 && life < least) {
    report.tooShort += 1;
    const what = life < state.leaseTtlSeconds ? 'token' : 'lease';
    const message = `The ${what} of this pod's database credentials (grant ${uuid}) lasts ${life} s, less than two sync intervals (${least} s): it cannot be kept`;
    await emitEvent(pod, 'LeaseTooShort', message, sweep);
  }
}
