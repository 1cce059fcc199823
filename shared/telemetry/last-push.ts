/** A process that ends leaves its figures at a Pushgateway, where there is one; that it cannot is no failure of its work. */
import type { Surroundings } from '../surroundings.ts';

/** @param keepGauges whether those that this process has not set stay as they were pushed before. */
export async function pushLast(
  { config, metrics, log }: Pick<Surroundings, 'config' | 'metrics' | 'log'>,
  job: string,
  keepGauges = false,
): Promise<void> {
  const { pushUrl } = config.metrics;
  if (pushUrl === undefined) return;
  try {
    const leftOut = await metrics.push(pushUrl, job, keepGauges);
    if (leftOut > 0)
      log.warn(
        `too many series stand at the Pushgateway: ${leftOut} of them, mostly of namespaces that are gone, were left out. Deleting the group ${job} there lets all begin anew`,
      );
  } catch (error) {
    log.error('metrics could not be pushed', error);
  }
}
