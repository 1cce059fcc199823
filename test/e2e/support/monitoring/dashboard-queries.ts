/** The dashboard's queries, sent like Grafana does. */
import { expect } from 'vitest';
import { queries } from '../../../../knative/monitoring/dashboard/rows.ts';
import { queryOver } from '../../../stack/monitoring/query.ts';
import { withVariables } from '../../../stack/monitoring/variables.ts';

const LAST_SECONDS = 60;

/** Those that have had nothing to show in the last minute. */
async function unanswered(prometheusUrl: string): Promise<string[]> {
  const to = new Date();
  const span = { from: new Date(to.getTime() - LAST_SECONDS * 1000), to, stepSeconds: 1 };
  const empty = await Promise.all(
    queries.map(async ({ expr, place }) => {
      const series = await queryOver(prometheusUrl, withVariables(expr, '1m'), span);
      // A quantile of nothing is not a number.
      const answers = series.some(({ samples }) => samples.some(({ value }) => Number.isFinite(value)));
      return answers ? [] : [place];
    }),
  );
  return empty.flat();
}

/** @param prometheusUrl of a Prometheus that is being fed; figures may still be under way to it. */
export async function expectAllQueriesAnswer(prometheusUrl: string): Promise<void> {
  await expect.poll(() => unanswered(prometheusUrl), { timeout: 60_000, interval: 500 }).toEqual([]);
}
