/** Reports pods without a grant, or with one that the ledger does not know: something else went wrong. */
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import { once } from '../../shared/single-flight.ts';
import { isGrantUuid } from '../../shared/vault/ledger.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { allStates } from './all-states.ts';
import { isSuspicious } from './brake.ts';
import type { Sweep } from './context.ts';
import { isForeign, looksYoung } from './grant-state.ts';
import { isRecordGone } from './lost-records.ts';
import { emitEvent } from './pod-events.ts';
import { shardOf } from './shard.ts';

/** @param listed the ledger's uuids, listed before the pods. */
export async function reportPods(
  pods: readonly LivePod[],
  listed: ReadonlySet<string>,
  sweep: Sweep,
): Promise<void> {
  const { shards, shard } = sweep.options;
  const podsOfShard = pods.filter(({ uid }) => shardOf(uid, shards) === shard);
  const inNeed = new Set<LivePod>();
  const remembered = once(() => allStates(sweep));
  const look = async (pod: LivePod) => {
    if (pod.uuids.length === 0) {
      inNeed.add(pod);
      await withoutGrant(pod, sweep);
    }
    for (const uuid of pod.uuids) {
      if (listed.has(uuid) || isYoung(uuid, sweep)) continue;
      // The shard that keeps it tells the pod, too.
      if (isKept(uuid, pod, await remembered(), sweep) || !(await isUnknown(uuid, sweep))) continue;
      inNeed.add(pod);
      await unknown(uuid, pod, sweep);
    }
  };
  await sweep.forEach(podsOfShard, look, { name: named });
  await evict([...inNeed], podsOfShard, listed, sweep);
  sweep.report.recordsLost = sweep.recordsLost.size;
  sweep.report.foreign = [...sweep.index.values()].filter((state) => isForeign(state, sweep)).length;
  if (sweep.report.foreign > 0) {
    sweep.log.warn(
      `${sweep.report.foreign} grants under this prefix are another cluster's: they are left alone`,
    );
  }
}

const named = ({ namespace, name }: LivePod) => ({ namespace, pod: name });

async function withoutGrant(pod: LivePod, sweep: Sweep): Promise<void> {
  sweep.report.withoutGrant += 1;
  sweep.log.warn('a pod with the label has no grant', named(pod));
  const message =
    'This pod has no database credentials: it was created while the injector was away. Recreate it.';
  await emitEvent(pod, 'NoCredentials', message, sweep);
}

/** Whether the memory of any shard keeps the grant although its record is gone. */
function isKept(
  uuid: string,
  pod: LivePod,
  remembered: ReadonlyMap<string, GrantState>,
  { lost }: Sweep,
): boolean {
  return remembered.get(uuid)?.namespace === pod.namespace && !lost.has(uuid);
}

function isYoung(uuid: string, { startedAt, options }: Sweep): boolean {
  return isGrantUuid(uuid) && looksYoung(uuid, startedAt, options.gracePeriodSeconds);
}

async function isUnknown(uuid: string, sweep: Sweep): Promise<boolean> {
  return !isGrantUuid(uuid) || isRecordGone(uuid, sweep, sweep.work);
}

async function unknown(uuid: string, pod: LivePod, sweep: Sweep): Promise<void> {
  const name = printable(uuid, 40);
  sweep.report.unknown += 1;
  sweep.log.warn('a pod names a grant that the ledger does not know', { uuid: name, ...named(pod) });
  const message = `The grant ${name} of this pod is unknown: nobody renews its database credentials. Recreate the pod.`;
  await emitEvent(pod, 'UnknownGrant', message, sweep);
}

/** The brake applies here, too: with a wrong prefix, or a lost ledger, every pod seems to be in need. */
async function evict(
  inNeed: readonly LivePod[],
  pods: readonly LivePod[],
  listed: ReadonlySet<string>,
  sweep: Sweep,
): Promise<void> {
  const { options, notices, work, report, log } = sweep;
  if (options.onLost !== 'evict' || inNeed.length === 0) return;
  const { maxRevokeFraction } = options;
  const isMany = isSuspicious(inNeed.length, pods.length, maxRevokeFraction);
  const knowsNone = pods.length > 1 && !pods.some(({ uuids }) => uuids.some((uuid) => listed.has(uuid)));
  if (isMany || (knowsNone && maxRevokeFraction < 1)) {
    report.braked = true;
    log.warn(
      `${inNeed.length} of ${pods.length} pods have no known grant: none is evicted, since a wrong prefix or a lost ledger is more likely; set maxRevokeFraction: 1 to do it anyway`,
    );
    return;
  }
  const evictOne = async (pod: LivePod) => {
    if (await notices.evict(pod, work.deadline)) report.evicted += 1;
  };
  await sweep.forEach(inNeed, evictOne, { name: named });
}
