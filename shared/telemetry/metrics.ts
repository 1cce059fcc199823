/**
 * Prometheus metrics of this process, as listed in metric-table.ts. `uuid` is a label only if the configuration asks
 * for it: it adds one permanent series per grant.
 */
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { buildInfo } from '../build-info.ts';
import { createBoundedLabels } from './bounded-labels.ts';
import {
  COUNTERS,
  type Definition,
  GAUGES,
  HISTOGRAMS,
  nameOf,
  type ProcessName,
  SUMMARIES,
} from './metric-table.ts';

type CounterName = keyof typeof COUNTERS;
type GaugeName = keyof typeof GAUGES;
type HistogramName = keyof typeof HISTOGRAMS;
type Labels<T extends { readonly labels: readonly string[] }> = Readonly<Record<T['labels'][number], string>>;

export interface Metrics {
  count<N extends CounterName>(name: N, labels: Labels<(typeof COUNTERS)[N]>): void;
  set<N extends GaugeName>(name: N, labels: Labels<(typeof GAUGES)[N]>, value: number): void;
  /** Same as `set`, but keeps the smallest of several values of one series. */
  setLeast<N extends GaugeName>(name: N, labels: Labels<(typeof GAUGES)[N]>, value: number): void;
  /** How long something took. */
  observe<N extends HistogramName>(name: N, labels: Labels<(typeof HISTOGRAMS)[N]>, seconds: number): void;
  summarize(name: keyof typeof SUMMARIES, seconds: number): void;
  /** The text format of Prometheus, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
  /**
   * Pushes to a Pushgateway; counters continue from what was pushed before.
   *
   * @param keepGauges whether gauges that this process has not set keep their last pushed value.
   * @returns the number of series dropped because there were too many.
   */
  push(url: string, job: string, keepGauges?: boolean): Promise<number>;
}

export interface MetricsOptions {
  readonly process: ProcessName;
  readonly uuidLabel: boolean;
}

export function createMetrics({ process: name, uuidLabel }: MetricsOptions): Metrics {
  const registry = new Registry();
  const bounded = createBoundedLabels();
  const isShown = (label: string) => label !== 'uuid' || uuidLabel;
  const shown = (labels: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(labels).filter(([label]) => isShown(label)));
  const configured = (key: string, definition: Definition) => ({
    name: nameOf(key, definition),
    help: definition.help,
    labelNames: definition.labels.filter(isShown),
    registers: [registry],
    ...(definition.buckets && { buckets: [...definition.buckets] }),
  });
  const metricsOf = <M>(
    table: Readonly<Record<string, Definition>>,
    make: (key: string, of: Definition) => M,
  ) =>
    new Map(
      Object.entries(table)
        .filter(([, { by }]) => by.includes(name))
        .map(([key, definition]) => [key, make(key, definition)] as const),
    );

  const counters = metricsOf(COUNTERS, (key, of) => new Counter(configured(key, of)));
  const histograms = metricsOf(HISTOGRAMS, (key, of) => new Histogram(configured(key, of)));
  const summaries = metricsOf(
    SUMMARIES,
    (key, of) => new Summary({ ...configured(key, of), percentiles: [] }),
  );
  const gauges = new Map<string, Gauge>();
  /** Created when first set: otherwise a process would expose a meaningless 0 for metrics that it never sets. */
  const gauge = (key: GaugeName): Gauge => {
    const known = gauges.get(key) ?? new Gauge(configured(key, GAUGES[key]));
    gauges.set(key, known);
    return known;
  };
  const least = new Map<string, number>();
  gauge('build_info').set({ ...buildInfo, process: name }, 1);

  return {
    count: (key, labels) => counters.get(key)?.inc(shown(bounded(key, labels))),
    set: (key, labels, value) => gauge(key).set(shown(labels), value),
    setLeast(key, labels, value) {
      const series = JSON.stringify([key, shown(labels)]);
      const smallest = Math.min(value, least.get(series) ?? value);
      least.set(series, smallest);
      gauge(key).set(shown(labels), smallest);
    },
    observe: (key, labels, seconds) => histograms.get(key)?.observe(shown(labels), seconds),
    summarize: (key, seconds) => summaries.get(key)?.observe(seconds),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    async push(url, job, keepGauges = false) {
      const { pushOnto } = await import('./push.ts');
      return pushOnto(registry, { url, job, keepGauges });
    },
  };
}
