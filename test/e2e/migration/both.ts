/** Both injectors on one ledger: ours with the three policies of its own, the reference's with the single one of its document. */
import type { Fleet, Given } from '../support/fleet.ts';
import { openStrictFleet } from '../support/process-policies.ts';
import { startRevocation } from '../support/revoking.ts';
import { type SweepWishes, sweepIn } from '../support/sweeping.ts';
import { createReferenceInjector } from './reference-injector.ts';

export type Both = Awaited<ReturnType<typeof openBoth>>;

export async function openBoth() {
  const strict = await openStrictFleet();
  const { label } = strict.fleet;
  const theirs = await createReferenceInjector({ prefix: strict.ledgerPrefix, label });
  const adopted: Given[] = [];
  /** Ours, which knows of the pods of theirs too. */
  const fleet: Fleet = { ...strict.fleet, given: () => [...strict.fleet.given(), ...adopted] };
  return {
    fleet,
    theirs: {
      ...theirs,
      async pod(wishes: Parameters<typeof theirs.pod>[0] = {}): Promise<Given> {
        const pod = await theirs.pod(wishes);
        adopted.push(pod);
        return pod;
      },
    },
    /** Our renewal job, that much later than it is. */
    sweep: (later: number, wishes: SweepWishes = {}) =>
      sweepIn(later, fleet, { ...wishes, keys: { ...strict.keysOf('renewal'), ...wishes.keys } }),
    startRevocation: () => startRevocation(fleet, strict.keysOf('revocation')),
  };
}
