/** The grants that live pods name, against those that Vault knows: after a restore of either, they differ. */
import { createPods, type LivePod } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import { readMemory } from '../sweep-state.ts';
import { type Check, failed, ok } from './check.ts';
import type { Facts } from './facts.ts';

const NAMED = 3;
const MEND =
  'docs/recovery.md says what becomes of them; fresh credentials: kubectl rollout restart, for each of their owners';

export const liveGrants = (facts: Facts): Check => ({
  name: 'grants of live pods',
  needs: ['API server', 'the ledger'],
  async look() {
    const config = await facts.config();
    const { ledger, sweeps, time } = await facts.vault();
    // In this order: a pod admitted in between is too young to matter.
    const [{ grants }, { grants: remembered }] = await Promise.all([
      ledger.list(facts.work()),
      readMemory(sweeps, config, facts.work()),
    ]);
    const live = await createPods(facts.api).listLive(config.injectorLabel, facts.deadline());
    const known = new Set(grants);
    const isMissing = (uuid: string) =>
      !known.has(uuid) && time.now() - (uuidTime(uuid) ?? 0) > config.gracePeriodSeconds * 1_000;
    const pods = live.filter(({ uuids }) => uuids.some(isMissing));
    const missing = pods.flatMap(({ uuids }) => uuids.filter(isMissing));
    if (missing.length === 0) return ok(`all of ${live.length} pods' are in the ledger`);
    const kept = missing.filter((uuid) => remembered.has(uuid)).length;
    const fate =
      kept === missing.length
        ? 'the renewal job keeps them by its memory'
        : `nobody renews ${missing.length - kept} of these`;
    return failed(
      `${pods.length} of ${live.length} live pods name grants that are not in the ledger, ${fate}: ${namesOf(pods)}`,
      MEND,
    );
  },
});

function namesOf(pods: readonly LivePod[]): string {
  const first = pods.slice(0, NAMED).map(({ namespace, name }) => `${namespace}/${name}`);
  const others = pods.length > NAMED ? ` and ${pods.length - NAMED} more` : '';
  return printable(`${first.join(', ')}${others}`, 300);
}
