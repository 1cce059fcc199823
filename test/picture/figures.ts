/** The dashboard's figures, as a Prometheus has them. */
import type { Panel } from '../../knative/monitoring/dashboard/panel.ts';
import { queryNow, queryOver, type Series, type Span } from '../stack/monitoring/query.ts';
import { withVariables } from '../stack/monitoring/variables.ts';

export interface Line {
  readonly name: string;
  /** Milliseconds since 1970, and a number. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Figures {
  readonly panel: Panel;
  readonly lines: readonly Line[];
}

/** Values over the span, or current ones if the panel shows nothing else. */
export async function figuresOf(panel: Panel, prometheusUrl: string, span: Span): Promise<Figures> {
  const lines = await Promise.all(
    panel.queries.map(async ({ expr, legend }) => {
      // Same as Grafana: what falls between two windows is in the second one, and a single value is that of ten minutes.
      const series =
        panel.kind === 'stat' || panel.kind === 'table'
          ? await queryNow(prometheusUrl, withVariables(expr, '10m'))
          : await queryOver(prometheusUrl, withVariables(expr, `${span.stepSeconds + 1}s`), span);
      return series.map((one) => ({ name: nameOf(legend, one), points: pointsOf(one) }));
    }),
  );
  return { panel, lines: lines.flat().filter(({ points }) => points.length > 0) };
}

const nameOf = (legend: string, { labels }: Series): string =>
  legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');

const pointsOf = ({ samples }: Series) =>
  samples
    .filter(({ value }) => Number.isFinite(value))
    .map(({ time, value }) => [time * 1_000, value] as const);
