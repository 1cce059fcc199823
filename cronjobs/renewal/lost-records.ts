/** Finds live pods' grants whose records are gone from the ledger: the sweep's memory keeps them, and has to note it. */
import { holderOf } from '../../shared/grants/claims.ts';
import { unlessDeleted } from '../../shared/vault/kv.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { Sweep } from './context.ts';
import { isForeign } from './grant-state.ts';
import { reportLostRecord } from './pod-events.ts';

/**
 * Runs in the grants' shard: their pods may be in another one, which does not write this shard's memory.
 *
 * @param inUse grants of this shard that live pods name.
 */
export async function noteLostRecords(inUse: readonly string[], sweep: Sweep): Promise<void> {
  const { names, index, claims, lost } = sweep;
  if (!names) return;
  const listed = new Set(names.grants);
  const look = async (uuid: string, work: Work) => {
    const state = index.get(uuid);
    const pod = state && holderOf(claims, uuid, state.namespace);
    if (!state || !pod || isForeign(state, sweep) || lost.has(uuid)) return;
    if (await isRecordGone(uuid, sweep, work)) await reportLostRecord(uuid, pod, sweep);
  };
  const unlisted = inUse.filter((uuid) => !listed.has(uuid));
  await sweep.forEach(unlisted, look, { name: (uuid) => ({ uuid }) });
}

/** Reads once more: the record may have been written after the ledger was listed, or not have reached a standby yet. */
export async function isRecordGone(uuid: string, { ledger }: Sweep, work: Work): Promise<boolean> {
  const found = await ledger.read(uuid, work).catch(unlessDeleted);
  return found === undefined;
}
