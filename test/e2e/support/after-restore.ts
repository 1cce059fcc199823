/** What is seen of a fleet after a restore: by `list`, by `doctor`, and in the database. */
import * as v from 'valibot';
import { configurationFile, normalised, run } from './command-line.ts';
import { openPatient } from './patient.ts';
import type { StrictWishes } from './process-policies.ts';
import { type SweepWishes, sweepIn } from './sweeping.ts';

const Listed = v.object({
  grants: v.array(v.object({ pod: v.string(), user: v.string(), state: v.string() })),
});

/** An installation whose policies are those of knative/vault. */
export async function openSurvivor(wishes: StrictWishes = {}) {
  const { strict, doctor } = await openPatient(wishes);
  const { fleet } = strict;
  const keys = strict.keysOf('renewal');
  const config = await configurationFile(keys);
  const listed = async () => {
    const { out } = await run(['list', '--json', '--config', config]);
    return v.parse(Listed, JSON.parse(out)).grants;
  };
  return {
    fleet,
    sweep: (later: number, more: SweepWishes = {}) =>
      sweepIn(later, fleet, { ...more, keys: { ...keys, ...more.keys } }),
    listed,
    /** As `list` has it, by pod; it names other files' pods of the namespace, too. */
    async states() {
      const own = new Set(fleet.given().map(({ name }) => name));
      const grants = (await listed()).filter(({ pod }) => own.has(pod));
      return Object.fromEntries(grants.map(({ pod, state }) => [pod, state]));
    },
    /** What doctor says of the grants of the fleet's pods. */
    async verdict(): Promise<string | undefined> {
      const { out } = await doctor({ INJECTOR_INJECTOR_LABEL: fleet.label });
      return /^. grants of live pods: .*$/m.exec(normalised(out))?.[0];
    },
  };
}
