/**
 * Figures of a process that ends, to a Pushgateway (https://github.com/prometheus/pushgateway#api). All processes of a kind
 * push to one group, and counters, histograms and summaries go on from what stands there, as those of a process that stays
 * up would: `increase()` then says the same. Two that push at the very same moment may lose one's share.
 */
import { AggregatorRegistry, Pushgateway, type Registry } from 'prom-client';
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { type Definition, HISTOGRAMS } from './metric-table.ts';

export interface PushGroup {
  readonly url: string;
  readonly job: string;
  /** Whether gauges of the group that are not pushed now stay in it. */
  readonly keepGauges: boolean;
}

type Labels = Readonly<Record<string, string | number>>;
interface Value {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

const WITHIN_MS = 5_000;

const number = v.pipe(v.string(), v.transform(Number));
const Sample = v.object({
  labels: v.optional(v.record(v.string(), v.string()), {}),
  value: v.optional(number),
  buckets: v.optional(v.record(v.string(), number), {}),
  sum: v.optional(number),
  count: v.optional(number),
});
type Sample = v.InferOutput<typeof Sample>;
const Family = v.object({ metrics: v.array(Sample) });
const Groups = v.object({
  data: v.array(v.looseObject({ labels: v.record(v.string(), v.string()) })),
});

/** @throws InjectorError `push_failed`; what stands at the Pushgateway is as it was then. */
export async function pushOnto(registry: Registry, { url, job, keepGauges }: PushGroup): Promise<void> {
  const own = await registry.getMetricsAsJSON();
  const before = await readGroup(url, job);
  const uuids = new Set(own.flatMap(({ values }) => values.map(({ labels }) => labels['uuid'])));
  // One series a grant, and none of grants that are gone.
  const isLiving = ({ labels }: Value) => labels['uuid'] === undefined || uuids.has(labels['uuid']);
  const past = own
    .filter(({ type }) => String(type) !== 'gauge')
    .map((metric) => ({ ...metric, values: pastValues(metric.name, before[metric.name]).filter(isLiving) }));
  const gateway = new Pushgateway(url, { timeout: WITHIN_MS }, AggregatorRegistry.aggregate([own, past]));
  await (keepGauges ? gateway.pushAdd({ jobName: job }) : gateway.push({ jobName: job })).catch((cause) => {
    throw failed('it does not take them', cause);
  });
}

/** What was pushed for the job, by the metrics' names. */
async function readGroup(url: string, job: string): Promise<Readonly<Record<string, unknown>>> {
  const isOurs = ({ labels: { job: of, ...others } }: v.InferOutput<typeof Groups>['data'][number]) =>
    of === job && Object.values(others).every((value) => value === '');
  try {
    const answer = await fetch(`${url.replace(/\/$/, '')}/api/v1/metrics`, {
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    return v.parse(Groups, await answer.json()).data.find(isOurs) ?? {};
  } catch (cause) {
    throw failed('what was pushed before cannot be read, so that counters would begin anew', cause);
  }
}

/** As `getMetricsAsJSON` has them. */
function pastValues(name: string, family: unknown): Value[] {
  const parsed = v.safeParse(Family, family);
  return parsed.success ? parsed.output.metrics.flatMap((sample) => valuesOf(name, sample)) : [];
}

function valuesOf(name: string, { labels: given, value, buckets, sum, count }: Sample): Value[] {
  const { job, instance, ...labels } = given;

  if (value !== undefined) return [{ value, labels }];
  if (sum === undefined || count === undefined) return [];
  const bounds = boundsOf(name);
  // Those of another version have other bounds: it begins anew.
  if (bounds.some((bound) => buckets[bound] === undefined)) return [];
  const bucket = (le: number | '+Inf', below: number) => ({
    value: below,
    labels: { le, ...labels },
    metricName: `${name}_bucket`,
  });
  return [
    ...bounds.map((bound) => bucket(bound, buckets[bound] ?? 0)),
    ...(bounds.length > 0 ? [bucket('+Inf', count)] : []),
    { value: sum, labels, metricName: `${name}_sum` },
    { value: count, labels, metricName: `${name}_count` },
  ];
}

/** Of a histogram; a summary has none. */
function boundsOf(name: string): readonly number[] {
  const table: Readonly<Record<string, Definition>> = HISTOGRAMS;
  return table[name.replace(/^vault_injector_/, '')]?.buckets ?? [];
}

function failed(reason: string, cause: unknown): InjectorError {
  return new InjectorError('push_failed', `the Pushgateway of metricsPushUrl: ${reason}`, { cause });
}
