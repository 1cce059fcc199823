/**
 * Pushes the figures of a process that ends to a Pushgateway (https://github.com/prometheus/pushgateway#api). All
 * processes of a kind push to one group, and counters, histograms and summaries continue from the pushed values, as
 * if one process had kept running, so that `increase()` works. If two push at the very same moment, one's share may
 * be lost.
 */
import { AggregatorRegistry, type Registry } from 'prom-client';
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { type Definition, HISTOGRAMS } from './metric-table.ts';

export interface PushGroup {
  readonly url: string;
  readonly job: string;
  /** Whether gauges of the group that are not pushed now keep their values. */
  readonly keepGauges: boolean;
}

type Labels = Readonly<Partial<Record<string, string | number>>>;
interface Value {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

const WITHIN_MS = 5_000;
// Limit for the answer with all groups (a Pushgateway does not return a single one): what fits into a heap of 128 MB.
const MOST_BYTES = 16 * 1024 * 1024;
/** Limit of a counter's series. Series of deleted namespaces cannot be recognized, so without a limit they only grow. */
const MOST_SERIES = 2_000;

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

/**
 * @returns the number of series dropped, which restart from zero when they are counted again.
 * @throws InjectorError `push_failed`; the Pushgateway then keeps the previous values.
 */
export async function pushOnto(registry: Registry, { url, job, keepGauges }: PushGroup): Promise<number> {
  const current = await registry.getMetricsAsJSON();
  const before = await readGroup(url, job);
  const uuids = new Set(current.flatMap(({ values }) => values.map(({ labels }) => labels['uuid'])));
  // Series per grant: only those of existing grants.
  const isLiving = ({ labels }: Value) => labels['uuid'] === undefined || uuids.has(labels['uuid']);
  let leftOut = 0;
  const past = current
    .filter(({ type }) => String(type) !== 'gauge')
    .map((metric) => {
      const all = pastValues(metric.name, before[metric.name]).filter(isLiving);
      const values = String(metric.type) === 'counter' ? mostOf(all, metric.values) : all;
      leftOut += all.length - values.length;
      return { ...metric, values };
    });
  await send(AggregatorRegistry.aggregate([current, past]), { url, job, keepGauges });
  return leftOut;
}

/** prom-client's current Pushgateway reads answers of any length, and Node warns of how it reads URLs. */
async function send(registry: Registry, { url, job, keepGauges }: PushGroup): Promise<void> {
  const answer = await fetch(`${url.replace(/\/$/, '')}/metrics/job/${encodeURIComponent(job)}`, {
    method: keepGauges ? 'POST' : 'PUT',
    headers: { 'content-type': registry.contentType },
    body: await registry.metrics(),
    signal: AbortSignal.timeout(WITHIN_MS),
  }).catch((cause: unknown) => {
    throw failed('it cannot be reached', cause);
  });
  await answer.body?.cancel();
  if (!answer.ok) throw failed(`it does not take them (HTTP ${answer.status})`);
}

/**
 * Keeps series up to the limit, those counted now first; grants' series are all kept, since there are as many as
 * pods.
 */
function mostOf(past: readonly Value[], current: readonly Pick<Value, 'labels'>[]): Value[] {
  const seriesOf = ({ labels }: Pick<Value, 'labels'>) => JSON.stringify(Object.entries(labels).toSorted());
  const counted = new Set(current.map(seriesOf));
  const stays = (value: Value) => value.labels['uuid'] !== undefined || counted.has(seriesOf(value));
  const others = past.filter((value) => !stays(value));
  return [...past.filter(stays), ...others.slice(0, Math.max(0, MOST_SERIES - counted.size))];
}

/** What was pushed before for the job, by metric name. */
async function readGroup(url: string, job: string): Promise<Readonly<Record<string, unknown>>> {
  const isOurs = ({ labels: { job: of, ...others } }: v.InferOutput<typeof Groups>['data'][number]) =>
    of === job && Object.values(others).every((value) => value === '');
  try {
    const answer = await fetch(`${url.replace(/\/$/, '')}/api/v1/metrics`, {
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    return v.parse(Groups, JSON.parse(await textOf(answer))).data.find(isOurs) ?? {};
  } catch (cause) {
    if (cause instanceof InjectorError) throw cause;
    throw failed('what was pushed before cannot be read, so counters would restart from zero', cause);
  }
}

/** @throws InjectorError `push_failed` if the answer is too long; the rest is not read. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) {
      const tooLong = `its metrics take more than ${MOST_BYTES / 1024 / 1024} MiB, too much to read: delete groups that nobody needs, or run a Pushgateway for vault-db-injector alone`;
      throw failed(tooLong);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Shape of `getMetricsAsJSON`. */
function pastValues(name: string, family: unknown): Value[] {
  const parsed = v.safeParse(Family, family);
  return parsed.success ? parsed.output.metrics.flatMap((sample) => valuesOf(name, sample)) : [];
}

function valuesOf(name: string, { labels: given, value, buckets, sum, count }: Sample): Value[] {
  const { job, instance, ...labels } = given;

  if (value !== undefined) return [{ value, labels }];
  if (sum === undefined || count === undefined) return [];
  const bounds = boundsOf(name);
  // Another version's histogram has other buckets: it restarts from zero.
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

/** Buckets of a histogram; a summary has none. */
function boundsOf(name: string): readonly number[] {
  const table: Readonly<Record<string, Definition>> = HISTOGRAMS;
  return table[name.replace(/^vault_injector_/, '')]?.buckets ?? [];
}

function failed(reason: string, cause?: unknown): InjectorError {
  return new InjectorError('push_failed', `the Pushgateway of metricsPushUrl: ${reason}`, { cause });
}
