/** Whether the renewal job is started, and when it last completed all of its work. */
import * as v from 'valibot';
import { readObject } from '../../shared/kubernetes/objects.ts';
import { intervalOf } from '../../shared/schedule.ts';
import { NAMESPACE } from '../objects.ts';
import { readMemory } from '../sweep-state.ts';
import { type Check, failed, ok, unknown } from './check.ts';
import { EDIT_CONFIGURATION } from './configuration.ts';
import type { Facts } from './facts.ts';

const CronJob = v.object({
  metadata: v.object({ creationTimestamp: v.pipe(v.string(), v.isoTimestamp()) }),
  spec: v.object({ schedule: v.string(), suspend: v.optional(v.boolean(), false) }),
  status: v.optional(
    v.object({
      lastSuccessfulTime: v.optional(v.pipe(v.string(), v.isoTimestamp())),
      lastScheduleTime: v.optional(v.pipe(v.string(), v.isoTimestamp())),
      active: v.optional(v.array(v.unknown()), []),
    }),
    {},
  ),
});
const PATH = `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs/renewal`;
const IN = `kubectl --namespace ${NAMESPACE}`;
const RUN_NOW = 'npx vault-db-injector sweep';

const secondsSince = (time: string, { now }: Facts): number => Math.round((now() - Date.parse(time)) / 1_000);

const readCronJob = ({ api, deadline }: Facts) => readObject(api, PATH, CronJob, deadline());

export const cronJob = (facts: Facts): Check => ({
  name: 'CronJob renewal',
  needs: ['API server'],
  async look() {
    const found = await readCronJob(facts);
    if (!found) return failed('is not there: nothing renews', 'npx vault-db-injector install');
    const { schedule, suspend } = found.spec;
    const { lastSuccessfulTime: last } = found.status;
    const resume = `${IN} patch cronjob renewal --patch '{"spec":{"suspend":false}}'`;
    if (suspend) return failed('is suspended: nothing renews', resume);
    const failedAgo = lastRunFailed(found.status, facts);
    if (failedAgo !== undefined)
      return failed(
        `its last run, started ${failedAgo} s ago, left work undone`,
        `${IN} get jobs,pods --selector app.kubernetes.io/component=renewal, and the log: ${IN} logs --selector app.kubernetes.io/component=renewal --tail 50`,
      );
    const success = last === undefined ? '' : `, last success ${secondsSince(last, facts)} s ago`;
    return ok(`started at ${schedule}${success}`);
  },
});

type CronJobStatus = v.InferOutput<typeof CronJob>['status'];

// The CronJob's controller notices the end of a Job a moment later.
const HEARD_WITHIN_SECONDS = 15;

/** @returns how many seconds ago it began; `undefined` if it succeeded, or is still running. */
function lastRunFailed(
  { lastScheduleTime: started, lastSuccessfulTime: succeeded, active }: CronJobStatus,
  facts: Facts,
): number | undefined {
  if (started === undefined || active.length > 0) return undefined;
  if (succeeded !== undefined && Date.parse(succeeded) >= Date.parse(started)) return undefined;
  const ago = secondsSince(started, facts);
  return ago < HEARD_WITHIN_SECONDS ? undefined : ago;
}

/** Leases are renewed according to the interval, so sweeps must not be less frequent. */
export const schedule = (facts: Facts): Check => ({
  name: 'schedule',
  needs: ['CronJob renewal', 'configuration'],
  async look() {
    const { syncIntervalSeconds } = await facts.config();
    const { schedule: sweepSchedule } = (await readCronJob(facts))?.spec ?? {};
    const { fault } = await intervalOf({ sweepSchedule, syncIntervalSeconds }, new Date(facts.now()));
    if (fault === undefined) return ok(`a sweep at least every ${syncIntervalSeconds} s (syncTTLSecond)`);
    return failed(fault, `${EDIT_CONFIGURATION}, or ${IN} edit cronjob renewal`);
  },
});

export const lastSweep = (facts: Facts): Check => ({
  name: 'last sweep',
  needs: ['login of renewal'],
  async look() {
    const config = await facts.config();
    const { sweeps, time } = await facts.vault();
    const { last } = await readMemory(sweeps, config, facts.work());
    const longest = 2 * config.syncIntervalSeconds;
    const look = `${IN} logs --selector app.kubernetes.io/component=renewal --tail 50, then ${RUN_NOW}`;
    if (!last) return never(await readCronJob(facts), longest * 1_000, facts.now(), look);
    const ago = Math.round((time.now() - last.succeededAt) / 1_000);
    if (ago > longest) return failed(`the last complete one began ${ago} s ago (at most ${longest} s)`, look);
    return ok(`completed, ${ago} s ago`);
  },
});

/** A new CronJob has had no time yet. */
function never(
  found: v.InferOutput<typeof CronJob> | undefined,
  longestMs: number,
  now: number,
  look: string,
) {
  const since = Date.parse(found?.metadata.creationTimestamp ?? '');
  if (now - since < longestMs) return unknown('none has completed yet; the CronJob is new', RUN_NOW);
  return failed('none has ever completed', look);
}
