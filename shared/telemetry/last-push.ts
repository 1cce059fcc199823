/** Pushes a process' figures to a Pushgateway, if configured, before it ends; a failure does not fail the job. */
import type { Runtime } from '../runtime.ts';

/** @param keepGauges whether gauges that this process has not set keep their last pushed value. */
export async function pushLast(
  { config, metrics, log }: Pick<Runtime, 'config' | 'metrics' | 'log'>,
  job: string,
  keepGauges = false,
): Promise<void> {
  const { pushUrl } = config.metrics;
  if (pushUrl === undefined) return;
  try {
    const leftOut = await metrics.push(pushUrl, job, keepGauges);
    if (leftOut > 0)
      log.warn(
        `the Pushgateway has too many series: ${leftOut} of them, mostly of deleted namespaces, were dropped. Delete the group ${job} there to start over`,
      );
  } catch (error) {
    log.error('metrics could not be pushed', error);
  }
}
