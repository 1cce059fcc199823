/** Pods that have no grant, or one that the ledger does not know: something went wrong elsewhere. */
import type { LivePod } from '../../shared/kubernetes/pods.ts';
import { tell } from './keep-alive.ts';
import { type Sweep, shardOf } from './sweep.ts';

/** @param listed the uuids of the ledger, as they were listed before the pods. */
export async function reportPods(
  pods: readonly LivePod[],
  listed: ReadonlySet<string>,
  sweep: Sweep,
): Promise<void> {
  const { shards, shard } = sweep.options;
  const own = pods.filter(({ uid }) => shardOf(uid, shards) === shard);
  const look = async (pod: LivePod) => {
    if (pod.uuids.length === 0) await withoutGrant(pod, sweep);
    for (const uuid of pod.uuids) if (!listed.has(uuid)) await unknown(uuid, pod, sweep);
  };
  await sweep.forEach(own, look, ({ namespace, name }) => ({ namespace, pod: name }));
  sweep.report.foreign = [...sweep.index.values()].filter((state) => state.foreign).length;
  if (sweep.report.foreign > 0) {
    sweep.log.warn(
      `${sweep.report.foreign} grants under this prefix are another cluster's: they are left alone`,
    );
  }
}

async function withoutGrant(pod: LivePod, sweep: Sweep): Promise<void> {
  sweep.report.withoutGrant += 1;
  sweep.log.warn('a pod with the label has no grant', { namespace: pod.namespace, pod: pod.name });
  const message =
    'This pod has no database credentials: it was created while the injector was away. Create it anew.';
  await tell(pod, 'NoCredentials', message, sweep);
  await evictLost(pod, sweep);
}

async function unknown(uuid: string, pod: LivePod, sweep: Sweep): Promise<void> {
  // Its record may have been written after the ledger was listed.
  if (await sweep.ledger.read(uuid, sweep.work)) return;
  sweep.report.unknown += 1;
  sweep.log.warn('a pod names a grant that the ledger does not know', {
    uuid,
    namespace: pod.namespace,
    pod: pod.name,
  });
  const message = `The grant ${uuid} of this pod is not known: nobody renews its database credentials. Create the pod anew.`;
  await tell(pod, 'UnknownGrant', message, sweep);
  await evictLost(pod, sweep);
}

async function evictLost(pod: LivePod, { options, notices, work, report }: Sweep): Promise<void> {
  if (options.onLost === 'evict' && (await notices.evict(pod, work.deadline))) report.evicted += 1;
}
