/** What the dashboard shows, as data: dashboard.ts makes Grafana's model of it, the tests ask Prometheus each query. */

export interface Query {
  readonly expr: string;
  /** Name of a series; `{{label}}` stands for its label. */
  readonly legend: string;
}

interface Threshold {
  readonly from: number;
  readonly color: Color;
}

export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'purple' | 'text';

export interface Panel {
  readonly title: string;
  /** For whoever looks at it for the first time. */
  readonly description: string;
  /** `stat`: what is so now. `lines`, `bars`: over time. `table`: one line for each series, now. */
  readonly kind: 'stat' | 'lines' | 'bars' | 'table';
  /** As Grafana calls it. */
  readonly unit: 's' | 'short' | 'percentunit';
  readonly queries: readonly Query[];
  /** Of 24 columns. */
  readonly width: number;
  /** From which value on a `stat` has which colour. */
  readonly thresholds?: readonly Threshold[];
  /** Words in place of values. */
  readonly words?: Readonly<Record<string, string>>;
  /** Of series, by their names. */
  readonly colors?: Readonly<Record<string, Color>>;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Of the variable at the top of the dashboard. */
export const IN_NAMESPACE = 'namespace=~"$namespace"';

/**
 * How much a counter has grown. What the first scrape of an instance shows has happened since it started, where increase()
 * sees no increase; and an instance is started because there is something to do.
 */
export function grown(counter: string, selector = ''): string {
  const series = selector === '' ? counter : `${counter}{${selector}}`;
  return `((max_over_time(${series}[$__rate_interval]) unless last_over_time(${series}[1h] offset $__rate_interval)) or increase(${series}[$__rate_interval]))`;
}

/** @param by further labels to tell series apart by. */
export function quantile(q: number, histogram: string, ...by: readonly string[]): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${grown(`${histogram}_bucket`)}))`;
}

/** Median and 99th percentile. */
export const medianAndP99 = (histogram: string): Query[] => [
  { expr: quantile(0.5, histogram), legend: 'p50' },
  { expr: quantile(0.99, histogram), legend: 'p99' },
];

/** Of a histogram, by one label. */
export function mean(histogram: string, by: string): string {
  return `sum by (${by}) (${grown(`${histogram}_sum`)}) / sum by (${by}) (${grown(`${histogram}_count`)})`;
}

/** Requests to Vault that it did not answer, or answered that it cannot now. */
export const VAULT_FAILURES = 'status=~"5..|timeout|unreachable|tls|invalid"';
