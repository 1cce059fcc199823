/** Compares grants named by live pods with those that Vault knows: after a restore of either, they differ. */
import pLimit from 'p-limit';
import { createPods, type LivePod } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import { unlessDeleted } from '../../shared/vault/kv.ts';
import { isGrantUuid, type StoredRecord } from '../../shared/vault/ledger.ts';
import { readMemory } from '../sweep-state.ts';
import { type Check, failed, ok } from './check.ts';
import type { Facts } from './facts.ts';

const CONCURRENCY = 16;
const NAMED = 3;
const MEND =
  'docs/recovery.md explains what happens to them; for new credentials: kubectl rollout restart, for each owner';

export const liveGrants = (facts: Facts): Check => ({
  name: 'grants of live pods',
  needs: ['API server', 'the ledger'],
  async look() {
    const config = await facts.config();
    const { ledger, sweeps, time } = await facts.vault();
    // Grants first: a pod admitted in between is too young to matter.
    const [{ grants }, { grants: remembered }] = await Promise.all([
      ledger.list(facts.work()),
      readMemory(sweeps, config, facts.work()),
    ]);
    const live = await createPods(facts.api).listLive(config.injectorLabel, facts.deadline());
    const notThere = await missingGrants(live, {
      known: new Set(grants),
      gracePeriodSeconds: config.gracePeriodSeconds,
      now: time.now(),
      read: (uuid) => ledger.read(uuid, facts.work()),
    });
    const pods = live.filter(({ uuids }) => uuids.some((uuid) => notThere.has(uuid)));
    const missing = [...notThere];
    if (missing.length === 0) return ok(`all of ${live.length} pods' are in the ledger`);
    const kept = missing.filter((uuid) => remembered.has(uuid)).length;
    const fate =
      kept === missing.length
        ? 'the renewal job renews them from its memory'
        : `nobody renews ${missing.length - kept} of these`;
    return failed(
      `${pods.length} of ${live.length} live pods name grants that are not in the ledger, ${fate}: ${namesOf(pods)}`,
      MEND,
    );
  },
});

interface Known {
  /** The uuids that the ledger was listed with, before the pods. */
  readonly known: ReadonlySet<string>;
  readonly gracePeriodSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly read: (uuid: string) => Promise<StoredRecord | undefined>;
}

/** @returns uuids that live pods name and the ledger does not know, but for those that are too young to say. */
export async function missingGrants(
  pods: readonly LivePod[],
  { known, gracePeriodSeconds, now, read }: Known,
): Promise<ReadonlySet<string>> {
  // A uuid without a time says nothing of its age: its record may have been written since the ledger was listed.
  const isGone = async (uuid: string) => {
    const made = uuidTime(uuid);
    if (made !== undefined) return now - made > gracePeriodSeconds * 1_000;
    return !isGrantUuid(uuid) || (await read(uuid).catch(unlessDeleted)) === undefined;
  };
  const unlisted = [...new Set(pods.flatMap(({ uuids }) => uuids))].filter((uuid) => !known.has(uuid));
  const gone = await pLimit(CONCURRENCY).map(unlisted, async (uuid) => ((await isGone(uuid)) ? [uuid] : []));
  return new Set(gone.flat());
}

function namesOf(pods: readonly LivePod[]): string {
  const first = pods.slice(0, NAMED).map(({ namespace, name }) => `${namespace}/${name}`);
  const others = pods.length > NAMED ? ` and ${pods.length - NAMED} more` : '';
  return printable(`${first.join(', ')}${others}`, 300);
}
