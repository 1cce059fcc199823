/** Pods that have no grant, or one that the ledger does not know: something went wrong elsewhere. */
import { validate } from 'uuid';
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import { ALWAYS_ALLOWED } from './clean-up.ts';
import { isForeign, tell } from './keep-alive.ts';
import { shardOf } from './shard.ts';
import type { Sweep } from './sweep.ts';

/** @param listed the uuids of the ledger, as they were listed before the pods. */
export async function reportPods(
  pods: readonly LivePod[],
  listed: ReadonlySet<string>,
  sweep: Sweep,
): Promise<void> {
  const { shards, shard } = sweep.options;
  const own = pods.filter(({ uid }) => shardOf(uid, shards) === shard);
  const inNeed = new Set<LivePod>();
  const look = async (pod: LivePod) => {
    if (pod.uuids.length === 0) {
      inNeed.add(pod);
      await withoutGrant(pod, sweep);
    }
    for (const uuid of pod.uuids) {
      if (listed.has(uuid) || !(await isUnknown(uuid, sweep))) continue;
      inNeed.add(pod);
      await unknown(uuid, pod, sweep);
    }
  };
  await sweep.forEach(own, look, named);
  await evict([...inNeed], own.length, sweep);
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
    'This pod has no database credentials: it was created while the injector was away. Create it anew.';
  await tell(pod, 'NoCredentials', message, sweep);
}

/** Asked once more: its record may have been written after the ledger was listed, or be on its way to a standby. */
async function isUnknown(uuid: string, { ledger, work, startedAt, options }: Sweep): Promise<boolean> {
  if (!validate(uuid)) return true;
  const issuedAt = uuidTime(uuid);
  if (issuedAt !== undefined && startedAt - issuedAt <= options.gracePeriodSeconds * 1_000) return false;
  return (await ledger.read(uuid, work)) === undefined;
}

async function unknown(uuid: string, pod: LivePod, sweep: Sweep): Promise<void> {
  const name = printable(uuid, 40);
  sweep.report.unknown += 1;
  sweep.log.warn('a pod names a grant that the ledger does not know', { uuid: name, ...named(pod) });
  const message = `The grant ${name} of this pod is not known: nobody renews its database credentials. Create the pod anew.`;
  await tell(pod, 'UnknownGrant', message, sweep);
}

/** Braked as revoking is: with a wrong prefix every pod seems to be in need. */
async function evict(inNeed: readonly LivePod[], pods: number, sweep: Sweep): Promise<void> {
  const { options, notices, work, report, log } = sweep;
  if (options.onLost !== 'evict') return;
  if (inNeed.length > ALWAYS_ALLOWED && inNeed.length > options.maxRevokeFraction * pods) {
    report.braked = true;
    log.warn(
      `${inNeed.length} of ${pods} pods have no known grant: none is evicted, since a wrong prefix is likelier`,
    );
    return;
  }
  const evictOne = async (pod: LivePod) => {
    if (await notices.evict(pod, work.deadline)) report.evicted += 1;
  };
  await sweep.forEach(inNeed, evictOne, named);
}
