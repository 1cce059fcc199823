/** The dashboard as data: dashboard.ts turns it into Grafana's model, the tests run each query in Prometheus. */

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
  /** Description for first-time readers. */
  readonly description: string;
  /** `stat`: the current value. `lines`, `bars`: over time. `table`: one line for each series, now. */
  readonly kind: 'stat' | 'lines' | 'bars' | 'table';
  /** Grafana's name of the unit. */
  readonly unit: 's' | 'short' | 'percentunit';
  readonly queries: readonly Query[];
  /** Width in columns, of 24. */
  readonly width: number;
  /** Thresholds: from which value a `stat` has which colour. */
  readonly thresholds?: readonly Threshold[];
  /** Words shown instead of values. */
  readonly words?: Readonly<Record<string, string>>;
  /** Colours of series, by name. */
  readonly colors?: Readonly<Record<string, Color>>;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Filter by the variable at the top of the dashboard. */
export const IN_NAMESPACE = 'namespace=~"$namespace"';

/**
 * A counter's increase. An instance's first scrape already shows what has happened since its start, which increase()
 * does not count; and an instance is started because there is work to do.
 */
export function grown(counter: string, selector = ''): string {
  const series = selector === '' ? counter : `${counter}{${selector}}`;
  return `((max_over_time(${series}[$__rate_interval]) unless last_over_time(${series}[1h] offset $__rate_interval)) or increase(${series}[$__rate_interval]))`;
}

/** @param by additional labels that separate the series. */
export function quantile(q: number, histogram: string, ...by: readonly string[]): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${grown(`${histogram}_bucket`)}))`;
}

/** Median and 99th percentile. */
export const medianAndP99 = (histogram: string): Query[] => [
  { expr: quantile(0.5, histogram), legend: 'p50' },
  { expr: quantile(0.99, histogram), legend: 'p99' },
];

/** Average of a histogram, by one label. */
export function mean(histogram: string, by: string): string {
  return `sum by (${by}) (${grown(`${histogram}_sum`)}) / sum by (${by}) (${grown(`${histogram}_count`)})`;
}

/** Requests that Vault did not answer, or could not serve at the moment. */
export const VAULT_FAILURES = 'status=~"5..|timeout|unreachable|tls|invalid"';
