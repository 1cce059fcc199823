/**
 * Figures of a process that ends, to a Pushgateway (https://github.com/prometheus/pushgateway#api). All processes of a kind
 * push to one group, and counters, histograms and summaries go on from what stands there, as those of a process that stays
 * up would: `increase()` then says the same. Two that push at the very same moment may lose one's share.
 */
import { AggregatorRegistry, type Registry } from 'prom-client';
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { type Definition, HISTOGRAMS } from './metric-table.ts';

export interface PushGroup {
  readonly url: string;
  readonly job: string;
  /** Whether gauges of the group that are not pushed now stay in it. */
  readonly keepGauges: boolean;
}

type Labels = Readonly<Partial<Record<string, string | number>>>;
interface Value {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

const WITHIN_MS = 5_000;
// Of all groups together, since a Pushgateway gives no single one: what a heap of 128 MB has room for.
const MOST_BYTES = 16 * 1024 * 1024;
/** Of a counter's series. Nobody here knows which namespaces are gone, so they would only ever grow. */
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
 * @returns how many series were left out, and begin anew where they are counted again.
 * @throws InjectorError `push_failed`; what stands at the Pushgateway is as it was then.
 */
export async function pushOnto(registry: Registry, { url, job, keepGauges }: PushGroup): Promise<number> {
  const own = await registry.getMetricsAsJSON();
  const before = await readGroup(url, job);
  const uuids = new Set(own.flatMap(({ values }) => values.map(({ labels }) => labels['uuid'])));
  // One series a grant, and none of grants that are gone.
  const isLiving = ({ labels }: Value) => labels['uuid'] === undefined || uuids.has(labels['uuid']);
  let leftOut = 0;
  const past = own
    .filter(({ type }) => String(type) !== 'gauge')
    .map((metric) => {
      const all = pastValues(metric.name, before[metric.name]).filter(isLiving);
      const values = String(metric.type) === 'counter' ? mostOf(all, metric.values) : all;
      leftOut += all.length - values.length;
      return { ...metric, values };
    });
  await send(AggregatorRegistry.aggregate([own, past]), { url, job, keepGauges });
  return leftOut;
}

/** prom-client's own Pushgateway reads answers of any length, and Node warns of how it reads URLs. */
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

/** As many as there may be, those first that are counted now; of grants all, which are as many as there are pods. */
function mostOf(past: readonly Value[], own: readonly Pick<Value, 'labels'>[]): Value[] {
  const seriesOf = ({ labels }: Pick<Value, 'labels'>) => JSON.stringify(Object.entries(labels).toSorted());
  const counted = new Set(own.map(seriesOf));
  const stays = (value: Value) => value.labels['uuid'] !== undefined || counted.has(seriesOf(value));
  const others = past.filter((value) => !stays(value));
  return [...past.filter(stays), ...others.slice(0, Math.max(0, MOST_SERIES - counted.size))];
}

/** What was pushed for the job, by the metrics' names. */
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
    throw failed('what was pushed before cannot be read, so that counters would begin anew', cause);
  }
}

/** @throws InjectorError `push_failed` where it is too long; the rest is not read then. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) {
      const tooLong = `what stands there, of whomever, is more than ${MOST_BYTES / 1024 / 1024} MiB, too much to read: delete groups that nobody needs, or have a Pushgateway for vault-db-injector alone`;
      throw failed(tooLong);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
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

function failed(reason: string, cause?: unknown): InjectorError {
  return new InjectorError('push_failed', `the Pushgateway of metricsPushUrl: ${reason}`, { cause });
}
