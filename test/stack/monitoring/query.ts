/** Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/). */
import * as v from 'valibot';
import { requestJson } from '../http.ts';

const labels = v.record(v.string(), v.string());
const sample = v.pipe(
  v.tuple([v.number(), v.string()]),
  v.transform(([time, value]) => ({ time, value: Number(value) })),
);
const Instant = v.object({
  data: v.object({
    resultType: v.literal('vector'),
    result: v.array(v.object({ metric: labels, value: sample })),
  }),
});
const Range = v.object({
  data: v.object({ result: v.array(v.object({ metric: labels, values: v.array(sample) })) }),
});

type Sample = v.InferOutput<typeof sample>;
export type Series = { labels: Record<string, string>; samples: Sample[] };

const ask = (url: string, path: string, parameters: Record<string, string>): Promise<unknown> =>
  requestJson(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);

/** What holds now. @throws with Prometheus' own words if the query is invalid. */
export const queryNow = async (url: string, query: string): Promise<Series[]> => {
  const { result } = v.parse(Instant, await ask(url, 'query', { query })).data;
  return result.map(({ metric, value }) => ({ labels: metric, samples: [value] }));
};

export type Span = { from: Date; to: Date; stepSeconds: number };

export const queryOver = async (
  url: string,
  query: string,
  { from, to, stepSeconds }: Span,
): Promise<Series[]> => {
  const span = {
    start: String(from.getTime() / 1000),
    end: String(to.getTime() / 1000),
    step: String(stepSeconds),
  };
  const { result } = v.parse(Range, await ask(url, 'query_range', { query, ...span })).data;
  return result.map(({ metric, values }) => ({ labels: metric, samples: values }));
};
